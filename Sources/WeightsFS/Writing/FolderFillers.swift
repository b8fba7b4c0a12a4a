package import StoreRecords
import Synchronization

/// Who fills the folders of versions with files, as `cp -r`, `cp -al` and `tar x` do: by making each file exclusively.
///
/// A view appears beside a file that was just closed, and the link `active` with the first version. They are in the way of a program
/// that is about to make them. ``ExclusiveCreation`` tells what a program is about to do. Where a program cannot be looked
/// at, what it has not made itself stays hidden from it while it fills the folder, and for a moment after that.
package final class FolderFillers: Sendable {
  private struct Key: Hashable, Sendable {
    /// As a request has it; 0 for all processes that the daemon has no number for.
    var process: Int32
    var model: ModelName
    var version: VersionName
  }

  private struct Filler: Sendable {
    /// What it has made itself of that which appears by itself.
    var made: Set<ExactName> = []
    var openFiles = 0
    /// When it last made a file exclusively, or closed one.
    var last: ContinuousClock.Instant
  }

  private struct State: Sendable {
    var fillers: [Key: Filler] = [:]
    /// Who has made the files that are open.
    var handles: [HandleNumber: Key] = [:]
  }

  /// How long somebody counts as a filler who has nothing open.
  static let patience = Duration.seconds(1)
  /// How many are remembered who have nothing open.
  package static let limit = 256

  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())

  /// - Parameter now: the time.
  package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

  /// Somebody has made a file.
  ///
  /// - Parameter handle: what it is open as; nil for a link.
  package func noteMade(_ place: FilePlace, by process: Int32, isExclusive: Bool, open handle: HandleNumber? = nil) {
    let key = Key(process: process, model: place.model, version: place.version)
    let now = now()
    state.withLock { state in
      let isFilling = state.fillers[key].map { Self.isFilling($0, at: now) } ?? false
      guard isExclusive || isFilling else { return }
      if !isFilling { Self.forget(in: &state, at: now) }
      var filler = state.fillers[key] ?? Filler(last: now)
      if isExclusive { filler.last = now }
      if Self.appears(place) { filler.made.insert(place.$path) }
      if let handle {
        filler.openFiles += 1
        state.handles[handle] = key
      }
      state.fillers[key] = filler
    }
  }

  /// A file is closed for good.
  package func noteClosed(_ handle: HandleNumber) {
    let now = now()
    state.withLock { state in
      guard let key = state.handles.removeValue(forKey: handle) else { return }
      state.fillers[key]?.openFiles -= 1
      state.fillers[key]?.last = now
    }
  }

  /// Whether something that appears by itself stays hidden from a process that fills the folder: of a model also who fills a version.
  package func hides(_ place: FilePlace, from process: Int32) -> Bool {
    guard Self.appears(place) else { return false }
    let now = now()
    return state.withLock { state in
      let key = Key(process: process, model: place.model, version: place.version)
      if state.fillers[key]?.made.contains(place.$path) == true { return false }
      return state.fillers.contains { other, filler in
        other.process == process && other.model == place.model && (other.version == place.version || place.isInModel)
          && Self.isFilling(filler, at: now)
      }
    }
  }

  /// Whether anybody fills the folder of a version.
  package func isFilling(_ model: ModelName, _ version: VersionName) -> Bool {
    let now = now()
    return state.withLock { state in
      state.fillers.contains { key, filler in
        (key.model, key.version) == (model, version) && Self.isFilling(filler, at: now)
      }
    }
  }

  /// How many are remembered.
  package var count: Int { state.withLock { $0.fillers.count } }

  /// Whether the place is that of a view, or of a model's link to its first version.
  private static func appears(_ place: FilePlace) -> Bool {
    if case .view = place.purpose { return true }
    return place.isInModel && place.path == "active"
  }

  private static func isFilling(_ filler: Filler, at now: ContinuousClock.Instant) -> Bool {
    filler.openFiles > 0 || now - filler.last < patience
  }

  /// Makes room for one more: those go who fill nothing any more, and of too many the one who has done nothing for the longest time.
  private static func forget(in state: inout State, at now: ContinuousClock.Instant) {
    state.fillers = state.fillers.filter { isFilling($0.value, at: now) }
    let idle = state.fillers.filter { $0.value.openFiles == 0 }
    if idle.count >= limit, let oldest = idle.min(by: { $0.value.last < $1.value.last }) {
      state.fillers[oldest.key] = nil
    }
  }
}
