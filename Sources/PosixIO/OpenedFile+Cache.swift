import CPosix
import Glibc
import SystemPackage

extension OpenedFile {
  /// What is about to happen to a part of the file: `posix_fadvise(2)`.
  package enum Advice: Sendable {
    /// It will be read soon.
    case willNeed
    /// It need not stay in the page cache.
    case dontNeed
  }

  /// Tells the kernel what to do about the page cache; what it makes of that changes no bytes, so failures do not matter.
  package func advise(_ advice: Advice, _ range: Range<Int>) {
    let code = advice == .willNeed ? POSIX_FADV_WILLNEED : POSIX_FADV_DONTNEED
    _ = posix_fadvise(descriptor.rawValue, off_t(range.lowerBound), off_t(range.count), code)
  }

  /// How many bytes of a part of the file are in the page cache, in whole pages (`cachestat(2)`, Linux 6.5); 0 where the
  /// kernel does not tell.
  package func cachedByteCount(in range: Range<Int>) -> Int {
    max(0, Int(tantra_cached_pages(descriptor.rawValue, UInt64(range.lowerBound), UInt64(range.count)))) * 4096
  }
}
