import PosixIO

/// The README.md that earlier editions kept as a plain file beside a model's manifests.
package struct ModelFile: Sendable, Hashable {
  package static let readmeName = "README.md"

  init(_ status: FileStatus) {
    byteCount = status.size
    modified = status.modified
    // A file that takes another's place has another inode, unless that one is gone already.
    edition = [UInt64(bitPattern: Int64(status.size)), UInt64(bitPattern: status.modified)]
      .reduce(status.inode) { ($0 &* 0x100_0000_01b3) ^ $1 }
  }

  package var byteCount: Int
  /// Nanoseconds since 1970.
  package var modified: Int64
  /// Tells contents apart that have the same name, one after another.
  package var edition: UInt64
}
