import CPosix
import SystemPackage

extension OpenedFile {
  /// Makes `target`, an empty file, share this one's blocks until either is written to (`FICLONE`); false where the file
  /// system cannot.
  package func reflink(to target: OpenedFile) -> Bool {
    do throws(PosixError) {
      try durableCall("ioctl", target.path) { tantra_reflink(descriptor.rawValue, target.descriptor.rawValue) }
      return true
    } catch {
      return false
    }
  }

  /// Makes `target`, an empty file, a copy of this one: by reflink where the file system can, else `copy_file_range(2)`,
  /// else by reading and writing.
  ///
  /// - Parameter progress: called with the number of bytes copied so far; what it throws (`EINTR`) ends the copy.
  package func copy(
    to target: OpenedFile, progress: (_ done: Int) throws(PosixError) -> Void
  ) throws(PosixError) {
    let size = try status().size
    if reflink(to: target) {
      try progress(size)
      return
    }
    var done = 0
    try copyRange(at: 0, count: size, to: target, at: 0) { (bytes: Int) throws(PosixError) in
      done += bytes
      try progress(done)
    }
  }
}
