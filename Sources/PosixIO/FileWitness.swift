import Glibc
import SystemPackage

/// Tells whether a file that was read is still what it was.
///
/// For a file that others have open for writing, or mapped, two things make every write show as a later time of change. The
/// clock has gone on since the time that the file has now. And each page is made clean, by beginning to write it to disk,
/// before it is read: the next store into a mapping of it is a fault, which counts as a change.
package final class FileWitness: Sendable {
  private let file: OpenedFile
  private let status: FileStatus
  /// Nil if nobody else can write to the file.
  private let cleaning: PageCleaning?

  /// - Parameter isShared: whether others may have the file open for writing, or mapped.
  package init(_ file: OpenedFile, isShared: Bool) throws(PosixError) {
    self.file = file
    var status = try file.status()
    if isShared {
      // Longer than any tick. A clock that was set back, or a writer that never rests, must not hold up a close; the next
      // write of either shows all the same.
      var looks = 0
      while looks < 100, Self.tickingClock() <= status.modified {
        usleep(500)
        status = try file.status()
        looks += 1
      }
    }
    self.status = status
    cleaning = isShared ? PageCleaning(file, byteCount: status.size) : nil
  }

  deinit { cleaning?.end() }

  /// The clock that times of change are taken from where they are coarse, in nanoseconds since 1970.
  private static func tickingClock() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &now)
    return UnixTime.nanoseconds(seconds: now.tv_sec, rest: now.tv_nsec)
  }

  /// Waits until the bytes before `end` may be read.
  package func awaitClean(upTo end: Int) throws(PosixError) { try cleaning?.awaitClean(upTo: end) }

  /// Keeps others from writing to a shared file from now on: it is immutable. Whoever knows when they have gone takes that back.
  ///
  /// - Throws: `EBUSY` if somebody has written to the file since this was made.
  package func freeze() throws(PosixError) {
    if cleaning != nil { try file.setImmutable(true) }
    try awaitClean(upTo: status.size)
    let now = try file.status()
    guard (now.size, now.modified) == (status.size, status.modified) else {
      throw PosixError(.resourceBusy, call: "somebody still writes to it", path: file.path)
    }
  }
}
