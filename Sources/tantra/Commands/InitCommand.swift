import ArgumentParser
import StoreRecords

/// `tantra init [DIR]`
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make an empty store.",
    discussion: """
      A store that is there already stays as it is. A folder that holds something else is refused.
      """)

  @Argument(help: "Where to make it; where stores are, if left out.", completion: .directory) var folder: String?
  @OptionGroup var store: StoreOptions

  func validate() throws {
    if folder != nil && store.store != nil { throw ValidationError("name the folder once: as DIR or with --store") }
  }

  func run() throws {
    let path = try StoreLocation(named: folder ?? store.store, mindingMounts: false).path
    Console.print(
      try make(at: path)
        ? "\(path) is an empty store; tantra mount --store \(path) mounts it" : "\(path) is a store already")
  }

  /// - Returns: whether it was not there.
  private func make(at path: String) throws -> Bool {
    do throws(StoreError) {
      _ = try StoreFolder(path: path, creating: false)
      return false
    } catch {
      guard error.code == .noStore else { throw error }
    }
    _ = try StoreFolder(path: path, creating: true)
    return true
  }
}
