import ArgumentParser
import FuseServer

/// `tantra unmount [MOUNTPOINT]`
struct UnmountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unmount",
    abstract: "Unmount a store; its daemon ends.",
    discussion: "Returns when the daemon has ended, and with it its hold of the store; with --lazy, at once.")

  @Argument(help: "Where it is mounted.") var mountpoint = "/weights"
  @Flag(help: "Take it from the tree at once, even if files in it are open; those stay readable for 5 seconds.")
  var lazy = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    guard let daemon = try Unmounter.unmount(mountpoint, lazily: lazy) else { return }
    Console.error("unmounted, but the daemon, process \(daemon), has not ended yet and still holds the store")
  }
}
