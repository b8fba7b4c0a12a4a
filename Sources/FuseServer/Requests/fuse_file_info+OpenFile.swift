import CFuse
import Glibc
import WeightsFS

extension fuse_file_info {
  /// Tells the kernel how to treat an open file.
  mutating func describe(_ file: OpenFile, writes: Bool) {
    fh = file.handle.rawValue
    switch file.caching {
    case .immutable, .sharedAlready: keep_cache = 1
    case .none: direct_io = 1
    case .staging, .shared: break
    }
    // Who only read has nothing to learn from close(2).
    if !writes { noflush = 1 }
  }
}

extension HandleNumber {
  /// The handle that a request on an open file or folder names.
  init(of information: UnsafePointer<fuse_file_info>?) throws(FileSystemError) {
    guard let information else { throw FileSystemError(EBADF) }
    self.init(rawValue: information.pointee.fh)
  }
}

extension OpenAccess {
  /// What the flags of open(2) ask for.
  init(flags: CInt, caller: Caller) {
    let mode = flags & O_ACCMODE
    self.init(reads: mode != O_WRONLY, writes: mode != O_RDONLY, truncates: flags & O_TRUNC != 0, caller: caller)
  }
}
