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
      Without a mountpoint it unmounts the mount that has the store: the one that --store names, else the usual one. Mounts \
      of other stores stay. A mount that can only be read has no hold of its store: name its mountpoint, unless it is \
      \(Self.usualMountpoint) and --store is left out.

      Returns when the daemon has ended, and with it its hold of the store; with --lazy, at once.
      """)

  private static let usualMountpoint = "/weights"

  @Argument(help: "Where it is mounted; where the store is, if left out.") var mountpoint: String?
  @Flag(help: "Take it from the tree at once, even if files in it are open; those stay readable for 5 seconds.")
  var lazy = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    guard let daemon = try Unmounter.unmount(try mountpoint ?? mountpointOfStore(), lazily: lazy) else { return }
    Console.error("unmounted, but the daemon, process \(daemon), has not ended yet and still holds the store")
  }

  /// Where the store is mounted.
  private func mountpointOfStore() throws -> String {
    let found = try store.client.mountpoint(orAt: store.store == nil ? Self.usualMountpoint : nil)
    // Lock files speak of the past: what is mounted now is for the system to say.
    guard let found, try MountTable.current().top(at: found)?.isTantra == true else {
      throw CommandFailure(
        .failed, "the store \(store.path) is not mounted; tantra unmount MOUNTPOINT unmounts another one")
    }
    return found
  }
}
