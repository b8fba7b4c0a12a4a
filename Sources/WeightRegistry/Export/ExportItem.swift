import BlobStore
import Glibc
import PosixIO
import StoreRecords
import SystemPackage
import Tensors

/// A file that is about to be exported, and its name at the destination.
struct ExportItem: Sendable {
  enum Content {
    /// An open view.
    case bytes(VersionView)
    /// A symbolic link, which is written as it is.
    case link(LinkTarget)
  }

  /// Relative to the target folder, or to the version's folder there.
  var path: String
  var view: String?
  var content: Content
  /// Nanoseconds since 1970.
  var modified: Int64
  var properties = FileProperties.usual
  /// What stretches of the file must be, and what each is, for messages.
  typealias Expectation = (segment: SegmentTable.Segment, what: String)
  var expected: [Expectation]

  /// The folder and the name of ``path``; nil if it would lead out of the target, which no manifest may ask for.
  var components: (folders: [String], name: String)? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.last, !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0.contains("\0") })
    else { return nil }
    return (Array(parts.dropLast()), name)
  }

  var byteCount: Int {
    switch content {
    case .bytes(let view): view.byteCount
    case .link(let target): target.bytes.count
    }
  }

  /// Makes the file in a folder that has none of its name.
  func make(
    _ name: String, in folder: Folder, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) {
    switch content {
    case .bytes(let view):
      // The bits above the permissions change what a program may do.
      let file = try posix(
        try folder.makeFile(name, exclusively: true, permissions: properties.permissions & 0o777))
      try keepAttributes(of: file)
      try write(view, to: file, progress: progress)
    case .link(let target):
      try posix(try folder.makeSymbolicLink(name, target: target.bytes))
      try posix(try folder.setModified(modified, of: name))
      _ = progress(byteCount)
    }
  }

  /// Gives a file the extended attributes, if they can be kept where it is.
  private func keepAttributes(of file: OpenedFile) throws(StoreError) {
    for attribute in properties.attributes {
      do throws(PosixError) {
        try file.setExtendedAttribute(attribute.name, to: attribute.value.bytes)
      } catch  where [EOPNOTSUPP, ENOSPC, E2BIG].contains(error.errno.rawValue) {
        // A disk that keeps none, or no more, is no reason to have no file.
      } catch {
        throw StoreError(error)
      }
    }
  }

  /// Writes the bytes to an empty file, forces them to disk, and reads them again: damage is never copied out as good. Memory
  /// does not grow with the file.
  ///
  /// - Throws: `damaged`, naming the tensor.
  private func write(
    _ content: VersionView, to file: OpenedFile, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) {
    try blobStore(try content.copy(to: file, progress: progress))
    let scanner = RangeScanner(file, progress: { _ in progress(0) })
    if let damaged = try posix(try scanner.damagedSegments(of: expected.map(\.segment))).first {
      throw StoreError(
        .damaged,
        "\(path) was not exported: \(expected[damaged].what) is damaged in the store; import the intact file again, which "
          + "mends it")
    }
    try posix(try file.setModified(modified))
    try posix(try file.synchronize())
  }
}
