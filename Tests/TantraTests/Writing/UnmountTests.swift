import Foundation
import Glibc
import TestSupport
import Testing

/// `tantra unmount` hands the store on.
@Suite("Unmounting", canMount, .onWaitingThreads) struct UnmountTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  @Test func theStoreIsFreeAndItsDaemonHasEndedWhenUnmountReturns() throws {
    for turn in 1...5 {
      try fixture.mount()
      let pid = try #require(fixture.daemon)
      _ = try Command.run("find", [fixture.mountpoint, "-name", "config.json"])
      try fixture.succeed("unmount", fixture.mountpoint)
      // What nobody has taken note of yet is dead all the same.
      let state = FileManager.default.contents(atPath: "/proc/\(pid)/stat").map { String(decoding: $0, as: UTF8.self) }
      #expect(state.map { $0.contains(") Z ") } ?? true, "turn \(turn): \(state ?? "")")
      // Directly: no daemon holds the store's lock.
      #expect(try fixture.succeed("backup", "mamba", "v1.0").contains("backup 1"))
    }
  }

  @Test func aDaemonThatDoesNotAnswerIsNotWaitedFor() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGSTOP) == 0)
    defer { kill(pid, SIGCONT) }
    let command = try fixture.tantra(["unmount", "--lazy", fixture.mountpoint])
    #expect(command.status == 0, "\(command.errorText)")
    #expect(!fixture.isMounted)
  }
}
