import FuseServer
import Glibc

/// A mount that another program serves in the foreground.
final class OtherMount {
  let mountpoint: String
  private let program: ChildProgram

  /// Starts the program and waits until its mount is there.
  init(_ executable: String, at mountpoint: String, arguments: (_ mountpoint: String) -> [String]) throws {
    self.mountpoint = mountpoint
    guard mkdir(mountpoint, 0o755) == 0 else {
      throw CommandFailure(.inputOutput, "\(mountpoint): \(String(cString: strerror(errno)))")
    }
    program = try ChildProgram(executable, arguments(mountpoint))
    for _ in 0..<1000 {
      if try Self.isMounted(mountpoint) { return }
      guard program.isRunning else {
        try program.succeed()
        break
      }
      try Interruption.check()
      usleep(10_000)
    }
    throw CommandFailure(.failed, "\(executable) mounted nothing")
  }

  deinit { end() }

  private static func isMounted(_ path: String) throws -> Bool { try MountTable.current().top(at: path) != nil }

  /// Ends the program, which unmounts, and unmounts in its place if it did not.
  func end() {
    program.end()
    do {
      guard try Self.isMounted(mountpoint) else { return }
      // Not as a ChildProgram: this has to go through after Ctrl-C, too.
      _ =
        geteuid() == 0
        ? try HelperProgram.run("/bin/umount", ["umount", "-l", mountpoint])
        : try HelperProgram.run("/usr/bin/fusermount3", ["fusermount3", "-u", "-z", mountpoint])
    } catch {
      Console.error("\(mountpoint) could not be unmounted: \(error)")
    }
  }
}
