import Glibc
import SystemPackage

extension OpenedFile {
  /// Cuts the file, or grows it by a hole: `ftruncate(2)`.
  package func truncate(to byteCount: Int) throws(PosixError) {
    try durableCall("ftruncate", path) { ftruncate(descriptor.rawValue, off_t(byteCount)) }
  }

  /// Whether a part of the file was never written: `lseek(2)` with `SEEK_HOLE`. Not for files whose position somebody uses.
  package func hasHole() throws(PosixError) -> Bool {
    let size = try status().size
    guard size > 0 else { return false }
    // SEEK_HOLE, which only _GNU_SOURCE shows.
    let hole = try systemCall("lseek", path) { lseek(descriptor.rawValue, 0, 4) }
    return Int(hole) < size
  }

  /// Reserves blocks for a range, and grows the file to its end: `posix_fallocate(3)`.
  package func allocate(offset: Int, count: Int) throws(PosixError) {
    try durableCall("posix_fallocate", path) {
      let code = posix_fallocate(descriptor.rawValue, off_t(offset), off_t(count))
      errno = code
      return code == 0 ? 0 : -1
    }
  }
}
