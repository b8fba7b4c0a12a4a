import Glibc
import SystemPackage

/// An exclusive advisory lock (`flock(2)`) on a file that says who holds it. Released with the last reference, or by the
/// kernel when the process ends.
package final class FileLock: Sendable {
  private let file: OpenedFile

  private init(file: OpenedFile) { self.file = file }

  // To close the descriptor would not be enough: a process that is just being started has a copy of it for a moment.
  deinit { flock(file.descriptor.rawValue, LOCK_UN) }

  /// Takes the lock on `name` without waiting, and leaves `description` in the file.
  ///
  /// - Returns: nil if another process holds it; ``description(of:in:)`` tells who.
  package static func acquire(_ name: String, in folder: Folder, description: String) throws(PosixError) -> FileLock? {
    let file = try folder.makeFile(name, exclusively: false)
    do throws(PosixError) {
      try systemCall("flock", file.path) { flock(file.descriptor.rawValue, LOCK_EX | LOCK_NB) }
    } catch  where error.errno == .wouldBlock {
      return nil
    }
    let lock = FileLock(file: file)
    try lock.describe(description)
    return lock
  }

  /// Replaces what the file says of its holder.
  package func describe(_ description: String) throws(PosixError) {
    // Written before it is cut, so that it needs no new block: space must be freed on a full disk, too.
    let bytes = Array(description.utf8)
    try file.write(bytes, at: 0)
    try durableCall("ftruncate", file.path) { ftruncate(file.descriptor.rawValue, off_t(bytes.count)) }
  }

  /// What the last holder wrote: who to name when ``acquire(_:in:description:)`` answers nil.
  package static func description(of name: String, in folder: Folder) throws(PosixError) -> String {
    String(decoding: try folder.contents(of: name, limit: 4096), as: UTF8.self)
  }
}
