import CPosix
import Dispatch
import Glibc
import Synchronization
import SystemPackage

/// Makes the pages of a file clean from its first byte to its last, beside whatever reads the file, by beginning to write them
/// to disk. Of a large file it then waits for the disk: who forces that file to disk later waits less.
///
/// It has the file open only while it works and is wanted: a file that is removed gives its space back at once.
final class PageCleaning: Sendable {
  /// Bytes that are made clean at once: reading what comes first goes on beside writing what comes next.
  private static let stretch = 32 << 20

  private enum Stage {
    case queued(OpenedFile)
    case working
    case ended
  }

  private struct State {
    var stage: Stage
    var isWanted = true
    /// Bytes from the beginning that are clean.
    var clean = 0
    var failure: PosixError?
    var waiting: [(end: Int, semaphore: DispatchSemaphore)] = []
  }

  private let byteCount: Int
  private let state: Mutex<State>
  private let ending = DispatchGroup()

  /// Begins at once, on another thread.
  init(_ file: OpenedFile, byteCount: Int) {
    self.byteCount = byteCount
    state = Mutex(State(stage: .queued(file)))
    DispatchQueue.global().async {
      // By then this has the file no longer open.
      if self.work() { self.ending.leave() }
    }
  }

  /// Ends the work, if it has not ended by itself, and waits until it has: a stretch at most.
  func end() {
    let isWorking = state.withLock { state in
      state.isWanted = false
      if case .working = state.stage { return true }
      state.stage = .ended
      return false
    }
    if isWorking { ending.wait() }
  }

  /// Waits until the bytes before `end` are clean.
  ///
  /// - Throws: what kept a page from being written.
  func awaitClean(upTo end: Int) throws(PosixError) {
    let semaphore = state.withLock { state -> DispatchSemaphore? in
      if state.clean >= end { return nil }
      let semaphore = DispatchSemaphore(value: 0)
      state.waiting.append((end, semaphore))
      return semaphore
    }
    semaphore?.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// - Returns: whether it began: it does not if it is no longer wanted.
  private func work() -> Bool {
    guard let file = take() else { return false }
    makeClean(file)
    if byteCount > Self.stretch { forceToDisk(file) }
    return true
  }

  private func take() -> OpenedFile? {
    state.withLock { state in
      guard case .queued(let file) = state.stage else { return nil }
      state.stage = .working
      ending.enter()
      return file
    }
  }

  private var isWanted: Bool { state.withLock { $0.isWanted } }

  private func makeClean(_ file: OpenedFile) {
    var end = 0
    while end < byteCount, isWanted {
      let count = min(Self.stretch, byteCount - end)
      do throws(PosixError) {
        try systemCall("sync_file_range", file.path) {
          tantra_start_writing(file.descriptor.rawValue, off_t(end), off_t(count))
        }
      } catch {
        let failure = error
        state.withLock { $0.failure = failure }
        break
      }
      end += count
      if end < byteCount { advance(to: end) }
    }
    advance(to: .max)
  }

  private func forceToDisk(_ file: OpenedFile) {
    do throws(PosixError) {
      // As another open file: the kernel tells each of failed writes, and whoever makes the file a blob has to hear of them.
      try OpenedFile.open("/proc/self/fd/\(file.descriptor.rawValue)").synchronize(unless: { !isWanted })
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
}
