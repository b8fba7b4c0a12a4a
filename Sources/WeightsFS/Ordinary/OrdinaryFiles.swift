import StoreRecords
import Synchronization

/// The ordinary files that are open, by place; those that were removed meanwhile by number.
final class OrdinaryFiles: Sendable {
  private struct State: Sendable {
    var files: [FilePlace: OrdinaryFile] = [:]
    var removed: [UInt64: OrdinaryFile] = [:]
    var lastNumber: UInt64 = 0
    /// How many requests of the kernel change what is recorded of a place.
    var changes: [FilePlace: Int] = [:]

    mutating func remove(_ place: FilePlace) -> OrdinaryFile? {
      guard let file = files.removeValue(forKey: place) else { return nil }
      file.facts.withLock { $0.place = nil }
      removed[file.number] = file
      return file
    }
  }

  private let state = Mutex(State())

  subscript(place: FilePlace) -> OrdinaryFile? { state.withLock { $0.files[place] } }

  /// A file that was removed while somebody had it open.
  subscript(removed number: UInt64) -> OrdinaryFile? { state.withLock { $0.removed[number] } }

  /// Whether a request of the kernel changes what is recorded of a place. It knows what becomes of the name.
  func isChanging(_ place: FilePlace) -> Bool { state.withLock { $0.changes[place] != nil } }

  /// Carries out a request of the kernel that changes what is recorded of a place. What may be weights has another inode then, of
  /// which the kernel has to be told.
  func changing<R>(_ place: FilePlace, _ body: () throws(FileSystemError) -> R) throws(FileSystemError) -> R {
    guard place.purpose.isOrdinary else { return try body() }
    state.withLock { $0.changes[place, default: 0] += 1 }
    defer {
      state.withLock { state in
        let count = (state.changes[place] ?? 1) - 1
        state.changes[place] = count == 0 ? nil : count
      }
    }
    return try body()
  }

  /// The open file at a place, opened once more.
  ///
  /// - Parameter make: makes it, if it is not open yet.
  func open(
    _ place: FilePlace, forWriting writes: Bool, _ make: (UInt64) throws(FileSystemError) -> OrdinaryFile
  ) throws(FileSystemError) -> OrdinaryFile {
    if let file = state.withLock({ Self.count($0.files[place], writes) }) { return file }
    let number = state.withLock { state in
      state.lastNumber += 1
      return state.lastNumber
    }
    let made = try make(number)
    // Of two who made it at once the first has.
    return state.withLock { state in
      let file = state.files[place] ?? made
      state.files[place] = file
      return Self.count(file, writes) ?? made
    }
  }

  private static func count(_ file: OrdinaryFile?, _ writes: Bool) -> OrdinaryFile? {
    file?.facts.withLock { facts in
      facts.opens += 1
      if writes { facts.writers += 1 }
    }
    return file
  }

  /// Counts a file as being closed by somebody, perhaps a writer, who still has it open until ``close(_:)``.
  func beginClosing(_ file: OrdinaryFile, writes: Bool) -> OrdinaryFile.Facts {
    file.facts.withLock { facts in
      if writes { facts.writers -= 1 }
      facts.closing += 1
      return facts
    }
  }

  /// Counts a file as closed.
  ///
  /// - Returns: whether nobody has it open any more.
  func close(_ file: OrdinaryFile) -> Bool {
    state.withLock { state in
      let facts = file.facts.withLock { facts in
        facts.opens -= 1
        facts.closing -= 1
        return facts
      }
      guard facts.opens == 0 else { return false }
      if let place = facts.place, state.files[place] === file { state.files[place] = nil }
      state.removed[file.number] = nil
      return true
    }
  }

  /// The file at a place is gone from it; who has it open keeps it.
  ///
  /// - Returns: the file; nil if it is not open.
  @discardableResult
  func remove(_ place: FilePlace) -> OrdinaryFile? {
    state.withLock { $0.remove(place) }
  }

  /// All files of a version are gone from it.
  func remove(in model: ModelName, _ version: VersionName) -> [(place: FilePlace, file: OrdinaryFile)] {
    state.withLock { state in
      state.files.keys.filter { ($0.model, $0.version) == (model, version) }
        .compactMap { place in state.remove(place).map { (place, $0) } }
    }
  }

  /// The file at a place has another; what was open there is gone from it.
  ///
  /// - Returns: what was there.
  func move(_ from: FilePlace, to: FilePlace) -> OrdinaryFile? {
    state.withLock { state in
      let replaced = state.remove(to)
      if let file = state.files.removeValue(forKey: from) {
        file.facts.withLock { $0.place = to }
        state.files[to] = file
      }
      return replaced
    }
  }

  /// The files in a folder.
  func files(concernedBy move: PlaceMove) -> [OrdinaryFile] {
    state.withLock { state in state.files.filter { move.place(of: $0.key) != nil }.map(\.value) }
  }

  /// The files in a folder follow it.
  func move(_ move: PlaceMove) {
    state.withLock { state in
      for (place, file) in state.files {
        guard let moved = move.place(of: place) else { continue }
        state.files[place] = nil
        file.facts.withLock { $0.place = moved }
        state.files[moved] = file
      }
    }
  }
}
