import ArgumentParser
import FuseServer
import StoreClient
import StoreRecords

/// `tantra unmount [MOUNTPOINT]`
struct UnmountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unmount",
    abstract: "Unmount a store; its daemon ends.",
    discussion: """
      Without a mountpoint it unmounts the store that --store names, else the only one that is mounted. Mounts of other \
      stores stay. Of several mounts of one store it takes the one that can be written to, else the first.

      Returns when the daemon has ended, and with it its hold of the store; with --lazy, at once.
      """, aliases: ["umount"])

  @Argument(help: "Where it is mounted; where the store is, if left out.", completion: StoreCompletion.mountpoints)
  var mountpoint: String?
  @Flag(help: "Take it from the tree at once; open files in it stay readable, and the store is held, until they close.")
  var lazy = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    guard let daemon = try Unmounter.unmount(try mountpoint ?? mountpointOfStore(), lazily: lazy) else { return }
    Console.error("unmounted, but the daemon, process \(daemon), has not ended yet and still holds the store")
  }

  /// Where the store is mounted.
  private func mountpointOfStore() throws -> String {
    if let found = try store.mountpoint() { return found }
    throw CommandFailure(
      .failed, "the store \(try store.path) is not mounted; tantra unmount MOUNTPOINT unmounts another one")
  }
}
