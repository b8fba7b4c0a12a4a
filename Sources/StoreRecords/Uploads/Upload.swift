package import PosixIO

/// A file that somebody writes: in the staging folder, under a name of its own. Swept when the store is next opened, unless
/// a record names it.
package struct Upload: Sendable {
  /// Name in the staging folder.
  package let name: String
  /// Open for reading and writing, unless it came from a blob.
  package let file: OpenedFile
  /// Whether somebody may have the file itself open for writing, or mapped: it is frozen then when it becomes a blob.
  package let isShared: Bool

  /// Tells uploads apart, after a restart too.
  package static func number(ofName name: String) -> UInt64 {
    UInt64(name.drop { $0 != "." }.dropFirst(), radix: 16) ?? 0
  }

  static func newName() -> String { "upload." + String(UInt64.random(in: .min ... .max), radix: 16) }
}
