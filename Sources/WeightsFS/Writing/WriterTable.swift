import StoreRecords
import Synchronization

/// The files in the making, by number and by the name they will have.
final class WriterTable: Sendable {
  private struct State: Sendable {
    var writers: [UInt64: Writer] = [:]
    /// For threads whose open was answered with `ESTALE`: what they find when they look up the name again, the oldest first.
    var pending: [Pending] = []
    /// Where files were made whose writers have ended of late, the last at the end.
    var ended: [(writer: UInt64, place: FilePlace)] = []
    var last: UInt64
  }

  /// What a thread is to find.
  private struct Pending: Sendable {
    /// The thread; 0 for any of another container, whose threads have no numbers here.
    var pid: Int32
    var place: FilePlace
    var writer: UInt64
    /// Whether somebody has looked it up.
    var isFound = false
  }

  /// How many threads without a number may wait. One that is killed before it comes back is not missed otherwise.
  private static let namelessLimit = 64
  /// How many ended writers are remembered.
  private static let endedLimit = 64

  /// Starts anywhere, so that inode numbers of an earlier mount do not come back.
  private let state = Mutex(State(last: .random(in: 0...(.max >> 1))))

  func newNumber() -> UInt64 {
    state.withLock { state in
      state.last += 1
      return state.last
    }
  }

  subscript(number: UInt64) -> Writer? { state.withLock { $0.writers[number] } }

  func insert(_ writer: Writer) { state.withLock { $0.writers[writer.number] = writer } }

  /// Adds a writer to an upload that is kept.
  ///
  /// - Returns: false, and nothing is added, if another writes to it.
  func insert(_ writer: Writer, unlessWritten upload: String) -> Bool {
    state.withLock { state in
      if state.writers.values.contains(where: { $0.current.upload.name == upload }) { return false }
      state.writers[writer.number] = writer
      return true
    }
  }

  func remove(_ number: UInt64) {
    state.withLock { state in
      if let place = state.writers.removeValue(forKey: number)?.current.destination {
        if state.ended.count == Self.endedLimit { state.ended.removeFirst() }
        state.ended.append((number, place))
      }
      state.pending.removeAll { $0.writer == number }
    }
  }

  /// Where a file was made whose writer has ended a moment ago; nil if that is longer ago.
  func formerPlace(of number: UInt64) -> FilePlace? {
    state.withLock { state in state.ended.last { $0.writer == number }?.place }
  }

  /// The files that are being written under a name.
  func writers(at place: FilePlace) -> [Writer] { all.filter { $0.current.destination == place } }

  /// The file that is being written under a name; of several the last that was begun.
  func writer(at place: FilePlace) -> Writer? { writers(at: place).max { $0.number < $1.number } }

  /// Takes the name from every file that is being written under it, or from some of them.
  ///
  /// - Returns: whether there were any.
  func forget(_ place: FilePlace, where isMeant: (Writer) -> Bool = { _ in true }) -> Bool {
    let writing = writers(at: place).filter(isMeant)
    for writer in writing { writer.facts.withLock { $0.destination = nil } }
    return !writing.isEmpty
  }

  /// Takes the name from every file that is being written in a version's folder.
  func forget(in model: ModelName, _ version: VersionName) {
    for writer in all {
      guard let place = writer.current.destination, place.model == model, place.version == version else {
        continue
      }
      writer.facts.withLock { $0.destination = nil }
    }
  }

  /// Lets files that are being written follow their folder.
  func move(_ move: PlaceMove) {
    for writer in all {
      writer.facts.withLock { $0.destination = $0.destination.map { move.place(of: $0) ?? $0 } }
    }
  }

  var all: [Writer] { state.withLock { Array($0.writers.values) } }

  /// Lets `pid` find `writer` under a name until it opens it.
  ///
  /// - Returns: a writer that somebody was to open, and will not any more.
  func expect(_ writer: Writer, at place: FilePlace, by pid: Int32) -> UInt64? {
    state.withLock { state in
      defer { state.pending.append(Pending(pid: pid, place: place, writer: writer.number)) }
      let before = state.pending.indices.filter { state.pending[$0].pid == pid }
      // A thread waits for one file at a time. Of those without a number only the oldest of many is known to be gone.
      guard let oldest = before.first, pid != 0 || before.count >= Self.namelessLimit else { return nil }
      return state.pending.remove(at: oldest).writer
    }
  }

  /// What the thread `pid` is to find under a name instead of what others see.
  func expected(at place: FilePlace, by pid: Int32) -> UInt64? {
    state.withLock { state in
      let waiting = state.pending.indices.filter { state.pending[$0].pid == pid && state.pending[$0].place == place }
      // Two threads without a number find one each.
      guard let index = waiting.first(where: { !state.pending[$0].isFound }) ?? waiting.last else { return nil }
      state.pending[index].isFound = true
      return state.pending[index].writer
    }
  }

  /// Whether the thread `pid` may open a writer; it can do so once.
  func claim(_ number: UInt64, by pid: Int32) -> Bool {
    state.withLock { state in
      guard let index = state.pending.firstIndex(where: { $0.writer == number && $0.pid == pid }) else { return false }
      state.pending.remove(at: index)
      return true
    }
  }
}
