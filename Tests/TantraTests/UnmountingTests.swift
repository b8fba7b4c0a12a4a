import Foundation
import TestSupport
import Testing

/// Whoever is busy in a mount that goes away gets an error and goes on: nobody hangs, and nobody becomes unkillable.
@Suite(canMount, .onWaitingThreads) struct UnmountingTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  /// How the mount is taken away: what is run, with the daemon's process id for `$PID`.
  enum Way: String, CaseIterable {
    case unmount = "$TANTRA unmount --lazy $MNT"
    case terminated = "kill -TERM $PID"
    case terminatedTwice = "kill -TERM $PID; sleep 0.2; kill -TERM $PID"
    case killed = "kill -KILL $PID"
    case detached = "umount --lazy $MNT"
    case aborted = "umount --lazy --force $MNT"
  }

  @Test(arguments: Way.allCases)
  func nobodyHangsInAMountThatGoesAway(way: Way) throws {
    let file = try fixture.scratch.write(
      "large.safetensors",
      try SmallWeights((0..<16).map { ("layer.\($0)", (0..<(1 << 20)).map { Float($0 % 251) + 0.5 }) }).safetensors())
    try fixture.succeed("import", file, "--model", "large", "--version", "v1.0", "--active")
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    let command = way.rawValue.replacing("$PID", with: "\(pid)").replacing("$MNT", with: fixture.mountpoint)
      .replacing("$TANTRA", with: TantraFixture.executable)
    _ = try Python.oracle(
      "mount_unmount.py", [way.rawValue, fixture.mountpoint, fixture.mountpoint + "/large/v1.0", "sh", "-c", command])
    // What a killed daemon leaves is cleared away, and all is as it was.
    if fixture.isMounted { try fixture.succeed("unmount", fixture.mountpoint) }
    #expect(eventually { kill(pid, 0) != 0 })
    try fixture.succeed("validate", "large")
  }
}
