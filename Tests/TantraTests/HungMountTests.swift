import Foundation
import TestSupport
import Testing

/// A mount whose daemon has taken requests and never answers them. No signal ends a thread that waits for it, and so its process
/// does not end: commands that look at mounts must not have such a thread.
@Suite(canMount, .onWaitingThreads) struct HungMountTests {
  private let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  /// Runs a command where the hung mount is the only one.
  private func run(_ command: String) throws -> (status: Int32, output: String) {
    let script =
      """
      set -eu
      awk '$3 == "fuse.tantra" { print $2 }' /proc/mounts | while read -r other; do umount -l "$other"; done
      mkdir -p \(fixture.scratch("hung"))
      exec \(Python.interpreter) \(Python.packageRoot)/Tests/Oracles/hung_mount.py \(fixture.scratch("hung")) 60 \
        \(TantraFixture.executable) \(command)
      """
    let result = try Command.run(
      "unshare", ["--mount", "--propagation", "private", "bash", "-c", script],
      environment: ["TANTRA_STORE": fixture.storePath, "TANTRA_MOUNT": ""])
    #expect(result.status == 0, "\(command) did not end: \(result.errorText)")
    let lines = result.outputText.split(separator: "\n")
    return (lines.last.flatMap { Int32($0) } ?? -1, lines.dropLast().joined(separator: "\n"))
  }

  @Test func theDoctorFindsIt() throws {
    let (status, output) = try run("doctor")
    #expect(status == 1 && output.contains("\(fixture.scratch("hung")) does not answer"), "\(output)")
  }

  @Test func itHidesNoOtherStore() throws {
    let (status, output) = try run("status")
    #expect(status == 0 && output.contains("waiting for the mount at \(fixture.scratch("hung"))"), "\(output)")
    #expect(output.contains("unresponsive"), "\(output)")
    #expect(try run("list-models").status == 0)
  }

  @Test func itsFiguresAreGivenUp() throws {
    let (status, output) = try run("metrics \(fixture.scratch("hung"))")
    #expect(status == 1 && output.contains("has not answered for 5 s"), "\(output)")
  }

  @Test func itIsNotMountedOver() throws {
    let (status, output) = try run("mount \(fixture.scratch("hung"))")
    #expect(status == 1 && output.contains("is already mounted"), "\(output)")
  }

  @Test func itIsTakenAwayLazily() throws {
    let (status, output) = try run("unmount \(fixture.scratch("hung"))")
    #expect(status == 1 && output.contains("does not answer"), "\(output)")
    #expect(try run("unmount --lazy \(fixture.scratch("hung"))").status == 0)
  }
}
