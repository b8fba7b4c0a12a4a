import CPosix
import Glibc
import SystemPackage

/// A file's pages in memory.
extension OpenedFile {
  /// Bytes of a part of the file that are in the page cache, in whole pages: `cachestat(2)`.
  ///
  /// - Parameter range: nil for the whole file.
  /// - Throws: `ENOSYS` before Linux 6.5.
  package func cachedByteCount(in range: Range<Int>? = nil) throws(PosixError) -> Int {
    if let range, range.isEmpty { return 0 }
    let pages = try systemCall("cachestat", path) {
      tantra_cached_pages(descriptor.rawValue, UInt64(range?.lowerBound ?? 0), UInt64(range?.count ?? 0))
    }
    return Int(pages) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Asks the kernel to read a part of the file soon: `posix_fadvise(2)` with `POSIX_FADV_WILLNEED`.
  package func readAhead(_ range: Range<Int>) throws(PosixError) { try advise(range, POSIX_FADV_WILLNEED) }

  /// Tells the kernel that what is read next is nowhere near to what was read last: `posix_fadvise(2)` with `POSIX_FADV_RANDOM`.
  package func expectRandomReads() throws(PosixError) { try advise(0..<0, POSIX_FADV_RANDOM) }

  /// Asks the kernel to forget the pages of a part of the file that are clean and that nobody has mapped: `posix_fadvise(2)`
  /// with `POSIX_FADV_DONTNEED`.
  ///
  /// - Parameter range: nil for the whole file.
  package func dropCache(_ range: Range<Int>? = nil) throws(PosixError) {
    try advise(range ?? 0..<0, POSIX_FADV_DONTNEED)
  }

  private func advise(_ range: Range<Int>, _ advice: Int32) throws(PosixError) {
    try systemCall("posix_fadvise", path) {
      let code = posix_fadvise(descriptor.rawValue, off_t(range.lowerBound), off_t(range.count), advice)
      errno = code
      return code == 0 ? 0 : -1
    }
  }
}
