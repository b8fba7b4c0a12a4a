import Foundation
import TestSupport
import Testing

/// The same, directly and through the mount.
@Suite(canMount, .onWaitingThreads) struct RetentionTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture()
    for seed in ["1", "2", "3"] { try fixture.succeed("generate", "mamba", "--seed", seed, "--version", "v1.\(seed)") }
  }

  private func versions() throws -> [String] {
    try fixture.succeed("list-weights", "mamba").split(separator: "\n").dropFirst().map { line in
      String(line.split(separator: " ")[1])
    }
  }

  @Test(arguments: [false, true])
  func cleanupRestoreAndPurgeDoTheSameMountedOrNot(mounted: Bool) throws {
    if mounted { try fixture.mount() }
    #expect(try fixture.succeed("backup", "mamba", "v1.1") == "mamba/v1.1: pinned as backup 1\n")
    #expect(try fixture.succeed("cleanup", "mamba", "--keep", "2", "--dry-run").contains("would remove mamba/v1.2"))
    #expect(try versions().count == 4)
    #expect(try fixture.succeed("cleanup", "mamba", "--keep", "2") == "removed mamba/v1.2\nremoved mamba/v1.3\n")
    #expect(try versions() == ["v1.0", "v1.1"])
    #expect(try fixture.succeed("list-weights", "mamba", "--all").contains("removed"))
    #expect(try fixture.succeed("restore", "mamba", "v1.2") == "mamba/v1.2: restored\n")
    #expect(try fixture.succeed("purge").hasPrefix("purged mamba/v1.3; removed 2 blobs, freed"))
    #expect(try versions() == ["v1.0", "v1.1", "v1.2"])
    for (arguments, status) in [
      (["restore", "mamba", "v1.3"], Int32(66)), (["restore", "nope", "v1"], 66), (["backup", "mamba", "v1.3"], 66),
      (["cleanup", "nope", "--keep", "1"], 66),
    ] {
      let refused = try fixture.tantra(arguments)
      #expect(refused.status == status && !refused.errorText.isEmpty, "\(arguments) \(refused.errorText)")
    }
    #expect(try fixture.succeed("validate", "mamba").contains("mamba/v1.2: valid"))
  }

  @Test(arguments: [false, true])
  func aBackupElsewhereIsAStoreOfItsOwn(mounted: Bool) throws {
    if mounted { try fixture.mount() }
    let copy = fixture.scratch("copy")
    let output = try fixture.succeed("backup", "mamba", "v1.2", "--to", copy)
    #expect(output.contains("copied to \(copy), ") && output.contains("pinned as backup 1"), "\(output)")
    // The same again finds everything there.
    try fixture.succeed("backup", "mamba", "v1.2", "--to", copy)
    let listing = try Command.run(TantraFixture.executable, ["validate", "--store", copy])
    #expect(listing.status == 0 && listing.outputText.hasPrefix("mamba/v1.2: valid"), "\(listing.outputText)")
    // Another version of that name in the way is not replaced.
    _ = try Command.run(
      TantraFixture.executable, ["generate", "mamba", "--seed", "8", "--version", "v1.3", "--store", copy])
    let refused = try fixture.tantra(["backup", "mamba", "v1.3", "--to", copy])
    #expect(refused.status == 73, "\(refused.errorText)")
  }

  @Test func theMountShowsWhatGoesAndComesAtOnce() throws {
    try fixture.mount()
    func list(_ path: String) throws -> String {
      try Command.run("ls", ["-A", fixture.mountpoint + "/" + path]).outputText
    }
    // The kernel has looked at everything and may keep it for an hour.
    _ = try Command.run("find", [fixture.mountpoint, "-ls"])
    let expected = try fixture.read("mamba/v1.3/model.pt")
    let open = try FileHandle(forReadingFrom: URL(fileURLWithPath: fixture.mountpoint + "/mamba/v1.3/model.pt"))
    try fixture.succeed("cleanup", "mamba", "--keep", "1")
    #expect(eventually { !FileManager.default.fileExists(atPath: fixture.mountpoint + "/mamba/v1.3/model.pt") })
    #expect(try list("mamba") == "active\nv1.0\n")
    #expect(
      eventually { !FileManager.default.fileExists(atPath: fixture.mountpoint + "/.control/versions/mamba/v1.3") })
    #expect(try !list(".files").contains("mamba_v1.3"))
    try fixture.succeed("purge")
    // What was open keeps its bytes and its size.
    #expect(Array(try #require(try open.readToEnd())) == expected)
    var status = stat()
    #expect(fstat(open.fileDescriptor, &status) == 0 && status.st_size == expected.count)
    try open.close()
  }

  @Test func aNameThatReturnsWithOtherWeightsShowsThem() throws {
    try fixture.mount()
    let old = try fixture.read("mamba/v1.3/model.pt")
    _ = try Command.run("find", [fixture.mountpoint, "-ls"])
    try fixture.succeed("backup", "mamba", "v1.3")
    try fixture.succeed("cleanup", "mamba", "--keep", "0")
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/mamba/v1.2"))
    try fixture.succeed("unmount", fixture.mountpoint)
    try fixture.succeed("generate", "mamba", "--seed", "99", "--version", "v1.2")
    try fixture.mount()
    let new = try fixture.read("mamba/v1.2/model.pt")
    #expect(new != old && new.count == old.count)
    #expect(try fixture.read("mamba/v1.3/model.pt") == old)
  }
}
