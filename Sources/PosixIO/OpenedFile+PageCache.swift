import CPosix
import Glibc
import SystemPackage

extension OpenedFile {
  /// Bytes of the file that are in the page cache, in whole pages: `cachestat(2)`.
  ///
  /// - Throws: `ENOSYS` before Linux 6.5.
  package func cachedByteCount() throws(PosixError) -> Int {
    let pages = try systemCall("cachestat", path) { tantra_cached_pages(descriptor.rawValue) }
    return Int(pages) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Asks the kernel to forget the pages of the file that are clean and that nobody has mapped: `posix_fadvise(2)` with
  /// `POSIX_FADV_DONTNEED`.
  package func dropCache() throws(PosixError) {
    try systemCall("posix_fadvise", path) {
      let code = posix_fadvise(descriptor.rawValue, 0, 0, POSIX_FADV_DONTNEED)
      errno = code
      return code == 0 ? 0 : -1
    }
  }
}
