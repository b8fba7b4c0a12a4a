import CPosix
import Dispatch
import Glibc
import Synchronization
import SystemPackage

/// Tells whether a file that was read is still what it was.
///
/// For a file that others have open for writing, or mapped, two things make every write show as a later time of change. The
/// clock has gone on since the time that the file has now. And each page is made clean, by beginning to write it to disk,
/// before it is read: the next store into a mapping of it is a fault, which counts as a change.
package final class FileWitness: Sendable {
  /// Bytes that are made clean at once: reading what comes first goes on beside writing what comes next.
  private static let stretch = 32 << 20

  private struct State: Sendable {
    /// Bytes from the beginning that are clean.
    var clean = 0
    var failure: PosixError?
    var waiting: [(end: Int, semaphore: DispatchSemaphore)] = []
  }

  private let file: OpenedFile
  private let isShared: Bool
  private let status: FileStatus
  private let state = Mutex(State())

  /// - Parameter isShared: whether others may have the file open for writing, or mapped.
  package init(_ file: OpenedFile, isShared: Bool) throws(PosixError) {
    self.file = file
    self.isShared = isShared
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
    if isShared {
      DispatchQueue.global().async {
        self.clean()
        self.forceToDisk()
      }
    } else {
      state.withLock { $0.clean = .max }
    }
  }

  /// The clock that times of change are taken from where they are coarse, in nanoseconds since 1970.
  private static func tickingClock() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &now)
    return UnixTime.nanoseconds(seconds: now.tv_sec, rest: now.tv_nsec)
  }

  private func clean() {
    var end = 0
    while end < status.size {
      let count = min(Self.stretch, status.size - end)
      do throws(PosixError) {
        try systemCall("sync_file_range", file.path) {
          tantra_start_writing(file.descriptor.rawValue, off_t(end), off_t(count))
        }
      } catch {
        let failure = error
        state.withLock { $0.failure = failure }
        end = status.size
      }
      end += count
      advance(to: end >= status.size ? .max : end)
    }
    advance(to: .max)
  }

  /// Lets the disk finish what it has begun, beside whatever reads the file: who forces a large file to disk later waits less.
  private func forceToDisk() {
    guard status.size > Self.stretch else { return }
    do throws(PosixError) {
      // As another open file: the kernel tells each of failed writes, and whoever makes the file a blob has to hear of them.
      try OpenedFile.open("/proc/self/fd/\(file.descriptor.rawValue)").synchronize()
    } catch {
      // Whoever needs the file on disk finds out.
    }
  }

  private func advance(to end: Int) {
    let ready = state.withLock { state in
      state.clean = end
      defer { state.waiting.removeAll { $0.end <= end } }
      return state.waiting.filter { $0.end <= end }
    }
    for waiter in ready { waiter.semaphore.signal() }
  }

  /// Waits until the bytes before `end` may be read.
  package func awaitClean(upTo end: Int) throws(PosixError) {
    let semaphore = state.withLock { state -> DispatchSemaphore? in
      if state.clean >= end { return nil }
      let semaphore = DispatchSemaphore(value: 0)
      state.waiting.append((end, semaphore))
      return semaphore
    }
    semaphore?.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// Keeps others from writing to a shared file from now on: it is immutable. Whoever knows when they have gone takes that back.
  ///
  /// - Throws: `EBUSY` if somebody has written to the file since this was made.
  package func freeze() throws(PosixError) {
    if isShared { try file.setImmutable(true) }
    try awaitClean(upTo: status.size)
    let now = try file.status()
    guard (now.size, now.modified) == (status.size, status.modified) else {
      throw PosixError(.resourceBusy, call: "somebody still writes to it", path: file.path)
    }
  }
}
