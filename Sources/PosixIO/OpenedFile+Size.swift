import CPosix
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

  /// Whether anything was ever written to a part of the file: `lseek(2)` with `SEEK_DATA`. Not for files whose position somebody
  /// uses. Where the file system does not tell, all that the file has was.
  package func hasData(in range: Range<Int>) -> Bool {
    // SEEK_DATA, which only _GNU_SOURCE shows.
    let data = lseek(descriptor.rawValue, off_t(range.lowerBound), 3)
    return data >= 0 && Int(data) < range.upperBound
  }

  /// Gives the blocks of a range back, which reads as zeros from then on; the size stays: `fallocate(2)`.
  ///
  /// - Throws: `EOPNOTSUPP` where the file system cannot.
  package func punchHole(_ range: Range<Int>) throws(PosixError) {
    try durableCall("fallocate", path) {
      tantra_punch_hole(descriptor.rawValue, off_t(range.lowerBound), off_t(range.count))
    }
  }
}
