import BlobStore
import PosixIO
import StoreRecords
import SystemPackage
import Tensors

/// A file that is about to be exported: an open view and its name at the destination.
struct ExportItem: Sendable {
  /// Relative to the target folder, or to the version's folder there.
  var path: String
  var view: String?
  var content: VersionView
  /// Nanoseconds since 1970.
  var modified: Int64
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

  /// Writes the bytes to an empty file, forces them to disk, and reads them again: damage is never copied out as good. Memory
  /// does not grow with the file.
  ///
  /// - Throws: `damaged`, naming the tensor.
  func write(to file: OpenedFile, progress: @escaping @Sendable (_ bytes: Int) -> Bool) throws(StoreError) {
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
