import ArgumentParser
import FuseServer

/// `tantra unmount [MOUNTPOINT]`
struct UnmountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unmount",
    abstract: "Unmount a store; its daemon ends.")

  @Argument(help: "Where it is mounted.") var mountpoint = "/weights"
  @Flag(help: "Take it from the tree at once, even if files in it are open; those stay readable for 5 seconds.")
  var lazy = false
  @OptionGroup var store: StoreOptions

  func run() throws { try Unmounter.unmount(mountpoint, lazily: lazy) }
}
