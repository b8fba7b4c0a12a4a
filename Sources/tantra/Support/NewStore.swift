import FoundationEssentials
import Glibc
import Logging
import StoreRecords
import SystemPackage

/// A store that is not there, and that a command makes because it has something for it. A mistyped name shows by it.
struct NewStore {
  private let path: FilePath
  /// The folders on the way to it that are not there either, innermost first.
  private let parents: [FilePath]

  /// Runs `body`, and says so if it has made the store. If it fails, the store goes again, unless something has come into it.
  ///
  /// - Parameter isResumed: whether what was begun goes on there another time: then the store stays.
  static func whereMissing<R>(at path: String, isResumed: Bool = false, _ body: () throws -> R) throws -> R {
    let new = NewStore(at: FilePath(path))
    do {
      let result = try body()
      new?.announce()
      return result
    } catch {
      // Whoever stops a copy may want to go on with it.
      let isStopped = (error as? StoreError)?.code == .interrupted
      if isResumed || isStopped { new?.announce() } else { new?.discard() }
      throw error
    }
  }

  /// nil if there is something at the path.
  private init?(at path: FilePath) {
    guard !Self.isThere(path) else { return nil }
    self.path = path
    var parents: [FilePath] = []
    while case let parent = (parents.last ?? path).removingLastComponent(), !parent.isEmpty, !Self.isThere(parent) {
      parents.append(parent)
    }
    self.parents = parents
  }

  private static func isThere(_ path: FilePath) -> Bool { FileManager.default.fileExists(atPath: path.string) }

  private func announce() {
    if Self.isThere(path) { Console.note("made a new store: \(path)") }
  }

  private func discard() {
    guard Self.isThere(path) else { return }
    do {
      let records = try RecordStore(path: path.string, access: .reading, logger: Logger(label: "tantra"))
      guard records.allModels.isEmpty, try records.backups.models().isEmpty else { return }
      try FileManager.default.removeItem(atPath: path.string)
    } catch {
      Console.note("an empty store is left at \(path): \(error)")
    }
    // One that somebody else uses by now is not empty, and stays.
    for parent in parents { rmdir(parent.string) }
  }
}
