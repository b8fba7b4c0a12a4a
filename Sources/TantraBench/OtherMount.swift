import FuseServer
import Glibc
import PosixIO

/// A mount that another program serves in the foreground.
final class OtherMount {
  let mountpoint: String
  private let program: ChildProgram

  /// Starts the program and waits until its mount is there.
  init(
    _ executable: String, at mountpoint: String, _ programs: Programs, arguments: (_ mountpoint: String) -> [String]
  ) throws {
    self.mountpoint = mountpoint
    try systemCall("mkdir", mountpoint) { mkdir(mountpoint, 0o755) }
    program = try programs.start(executable, arguments(mountpoint))
    for _ in 0..<1000 {
      if try Self.isMounted(mountpoint) { return }
      guard program.isRunning else {
        try program.succeed()
        break
      }
      try programs.stop()
      usleep(10_000)
    }
    throw BenchFailure(.failed, "\(executable) mounted nothing")
  }

  deinit { end() }

  private static func isMounted(_ path: String) throws -> Bool { try MountTable.current().top(at: path) != nil }

  /// Ends the program, which unmounts, and unmounts in its place if it did not.
  ///
  /// What is mounted even then is told by the folder, which cannot be removed.
  func end() {
    program.end()
    do {
      guard try Self.isMounted(mountpoint) else { return }
      // Not by Programs: this has to go through after Ctrl-C, too.
      _ =
        geteuid() == 0
        ? try ChildProgram.run("/bin/umount", ["-l", mountpoint])
        : try ChildProgram.run("/usr/bin/fusermount3", ["-u", "-z", mountpoint])
    } catch {
      // BenchFolder finds the mount, and says so.
    }
  }
}
