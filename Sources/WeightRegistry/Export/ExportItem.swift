import PosixIO
import SystemPackage

/// A file that is about to be exported: an open view and its name at the destination.
struct ExportItem: Sendable {
  /// Relative to the target folder, or to the version's folder there.
  var path: String
  var view: String?
  var content: VersionView
  /// Nanoseconds since 1970.
  var modified: Int64

  /// The folder and the name of ``path``; nil if it would lead out of the target, which no manifest may ask for.
  var components: (folders: [String], name: String)? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.last, !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0.contains("\0") })
    else { return nil }
    return (Array(parts.dropLast()), name)
  }

  /// Writes the bytes to an empty file and forces them to disk. Memory does not grow with the file.
  func write(to file: OpenedFile, progress: (_ bytes: Int) throws(PosixError) -> Void) throws(PosixError) {
    var position = 0
    for piece in content.pieces(offset: 0, count: content.byteCount) {
      switch piece {
      case .bytes(let bytes):
        var failure: PosixError?
        bytes.withUnsafeBytes { buffer in
          do throws(PosixError) { try file.write(buffer, at: position) } catch { failure = error }
        }
        if let failure { throw failure }
        position += bytes.count
        try progress(bytes.count)
      case .file(let source, let offset, let count):
        try source.copyRange(at: offset, count: count, to: file, at: position, progress: progress)
        position += count
      }
    }
    guard position == content.byteCount else { throw PosixError(.ioError, call: "read", path: path) }
    try file.setModified(modified)
    try file.synchronize()
  }
}
