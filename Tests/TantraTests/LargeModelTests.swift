import Foundation
import TestSupport
import Testing

@Suite(canMount, .onWaitingThreads) struct LargeModelTests {
  /// 300 tensors: enough that a daemon which kept or mapped what it serves would show it.
  private static let byteCount = 512 << 20
  private static let memoryLimit = 60_000  // KiB

  @Test func theDaemonsMemoryDoesNotGrowWithWhatItServes() throws {
    let fixture = try TantraFixture(shipped: false)
    let source = fixture.scratch("large.safetensors")
    try Python.oracle(
      "big_state_dict.py", [source, "--size", String(Self.byteCount), "--tensors", "300"], isMeasured: true)
    try fixture.succeed("import", source, "--model", "large")
    try fixture.mount()
    #expect(try Command.run("cmp", [source, fixture.mountpoint + "/large/v1.0/model.safetensors"]).status == 0)
    for view in ["pt", "bin", "safetensors"] {
      let read = try Command.run("dd", ["if=\(fixture.mountpoint)/large/v1.0/model.\(view)", "of=/dev/null", "bs=1M"])
      #expect(read.status == 0)
    }
    let pid = try #require(fixture.daemon)
    let status = String(
      decoding: try #require(FileManager.default.contents(atPath: "/proc/\(pid)/status")), as: UTF8.self)
    let peak = try #require(
      status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropFirst().first)
    #expect(try #require(Int(peak)) < Self.memoryLimit)
    #expect(try fixture.tantra(["validate", "large"]).status == 0)
  }
}
