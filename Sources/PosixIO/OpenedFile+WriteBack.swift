import CPosix
import Glibc
import SystemPackage

extension OpenedFile {
  /// Bytes that are written to disk between two looks at whether to go on: some milliseconds of a slow disk.
  private static let stretch = 4 << 20

  /// Forces data and size to disk, as ``synchronize()`` does, but a stretch at a time: who has had enough need not wait for
  /// gigabytes.
  ///
  /// - Parameter goOn: called between stretches; what it throws (`EINTR`) ends the wait. What is on disk by then stays there.
  package func synchronize(goOn: () throws(PosixError) -> Void) throws(PosixError) {
    let size = try status().size
    do throws(PosixError) {
      for offset in stride(from: 0, to: size, by: Self.stretch) {
        try goOn()
        // The disk has the next stretch to do while this one is waited for.
        if size - offset > Self.stretch {
          try systemCall("sync_file_range", path) {
            tantra_start_writing(descriptor.rawValue, off_t(offset + Self.stretch), off_t(Self.stretch))
          }
        }
        try systemCall("sync_file_range", path) {
          tantra_finish_writing(descriptor.rawValue, off_t(offset), off_t(Self.stretch))
        }
      }
    } catch  where [.noFunction, .illegalSeek, .invalidArgument].contains(error.errno) {
      // A file system that has no such thing: fsync(2) alone has to do.
    }
    try goOn()
    try synchronize()
  }

  /// Forces data and size to disk unless the wait is interrupted.
  ///
  /// - Throws: `EINTR`.
  package func synchronize(unless isInterrupted: () -> Bool) throws(PosixError) {
    try synchronize { () throws(PosixError) in
      if isInterrupted() { throw PosixError(.interrupted, call: "fsync", path: path) }
    }
  }
}
