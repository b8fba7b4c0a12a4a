import Foundation
import TestSupport
import Testing

/// push, pull and remote, as people use them. skopeo is the oracle for OCI layouts.
@Suite(canMount, .onWaitingThreads) struct RemoteTests {
  let fixture: TantraFixture
  var layout: String { "oci:" + fixture.scratch("layout") }

  init() throws { fixture = try TantraFixture() }

  /// Runs a command on another store.
  private func tantra(_ arguments: [String], store: String) throws -> Command {
    try Command.run(
      TantraFixture.executable, arguments,
      environment: ["TANTRA_STORE": fixture.scratch(store), "XDG_CACHE_HOME": fixture.scratch("cache")])
  }

  @Test func aVersionTravelsThroughAFolder() throws {
    let pushed = try tantra(["push", "mamba/v1.0", "\(layout):live", "--json"], store: "store")
    #expect(pushed.status == 0, "\(pushed.errorText)")
    struct Pushed: Decodable { var digest: String, sentByteCount: Int, byteCount: Int }
    let report = try JSONDecoder().decode(Pushed.self, from: pushed.output)
    #expect(report.sentByteCount == report.byteCount && report.byteCount > 2_700_000)
    let again = try tantra(["push", "mamba/v1.0", "\(layout):live"], store: "store")
    #expect(again.outputText.contains("sent 0 B of 2.7 MiB"), "\(again.outputText)")
    #expect(again.outputText.contains(report.digest))
    // Without a tag it is called as the version is.
    #expect(try tantra(["push", "mamba/v1.0", layout], store: "store").status == 0)
    let list = try tantra(["remote", "list", layout], store: "none")
    #expect(list.outputText.contains("live  mamba/v1.0  2.7 MiB  \(report.digest)"), "\(list.outputText)")
    #expect(list.outputText.contains("v1.0  mamba/v1.0"))
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("none")))

    let pulled = try tantra(["pull", "\(layout):live"], store: "other")
    #expect(pulled.status == 0 && pulled.outputText.hasSuffix("fetched 2.7 MiB of 2.7 MiB; active\n"))
    for arguments in [["validate", "mamba", "v1.0"], ["pull", "\(layout)@\(report.digest)"]] {
      let command = try tantra(arguments, store: "other")
      #expect(command.status == 0, "\(arguments) \(command.errorText)")
    }
    for format in ["safetensors", "pt"] {
      for store in ["store", "other"] {
        let command = try tantra(
          ["export", "mamba", "v1.0", "--format", format, "--to", fixture.scratch("\(store)-files")], store: store)
        #expect(command.status == 0, "\(command.errorText)")
      }
      let name = "mamba_v1.0_\(format).\(format)"
      #expect(try fixture.scratch.read("store-files/\(name)") == fixture.scratch.read("other-files/\(name)"))
    }
  }

  @Test func skopeoTakesItThereAndBackUnchanged() throws {
    try #require(tantra(["push", "mamba/v1.0", "\(layout):v1"], store: "store").status == 0)
    let other = "oci:" + fixture.scratch("copy")
    for arguments in [
      ["\(layout):v1", "\(other):v1"], ["\(other):v1", "dir:" + fixture.scratch("dir")],
      ["dir:" + fixture.scratch("dir"), "oci:" + fixture.scratch("back") + ":v1"],
    ] {
      let copied = try Command.run("skopeo", ["copy", "--insecure-policy"] + arguments)
      try #require(copied.status == 0, "\(copied.errorText)")
    }
    let digests = try ["layout", "copy", "back"].map { folder in
      let list = try tantra(["remote", "list", "oci:" + fixture.scratch(folder), "--json"], store: "store")
      struct Entry: Decodable { var digest: String }
      return try JSONDecoder().decode([Entry].self, from: list.output).map(\.digest)
    }
    #expect(digests[0].count == 1 && digests[0] == digests[1] && digests[1] == digests[2])
    let pulled = try tantra(["pull", "oci:" + fixture.scratch("back") + ":v1"], store: "other")
    #expect(pulled.status == 0, "\(pulled.errorText)")
    // What skopeo has written beside ours stays, and the other way round.
    #expect(try tantra(["push", "mamba_multimodal/v1.0", "\(other):mm"], store: "store").status == 0)
    let inspected = try Command.run("skopeo", ["inspect", "--raw", "\(other):v1"])
    #expect(inspected.outputText.contains("application/vnd.cncf.model.manifest.v1+json"))
    let listed = try tantra(["remote", "list", other], store: "store").outputText
    #expect(listed.contains("mamba_multimodal/v1.0") && listed.contains("mamba/v1.0"))
  }

  @Test func aMountedStorePullsThroughItsMount() throws {
    try #require(tantra(["push", "mamba/v1.0", "\(layout):v1"], store: "store").status == 0)
    try fixture.succeed("generate", "mamba", "--seed", "5", "--version", "v5")
    try #require(tantra(["push", "mamba/v5", "\(layout):v5"], store: "store").status == 0)
    try fixture.succeed("rm", "mamba/v5")
    try fixture.succeed("purge")
    try fixture.mount()
    // A push reads only.
    #expect(try tantra(["push", "mamba/v1.0", "\(layout):again"], store: "store").status == 0)
    let report = try fixture.succeed("pull", "\(layout):v5", "--active")
    #expect(report.contains("mamba/v5 <- ") && report.hasSuffix("; active\n"), "\(report)")
    #expect(eventually { FileManager.default.fileExists(atPath: fixture.mountpoint + "/mamba/v5/model.pt") })
    #expect(try fixture.succeed("validate", "mamba", "v5").contains("mamba/v5: valid"))
    // As a line of text.
    try fixture.succeed("rm", "mamba/v1.0")
    let line = try Command.run(
      "/bin/sh", ["-c", "echo '\(layout):v1' > '\(fixture.mountpoint)/.control/pull'"])
    #expect(line.status == 0, "\(line.errorText)")
    #expect(try !fixture.read("mamba/v1.0/model.safetensors").isEmpty)
    let refused = try fixture.tantra(["pull", "\(layout):v1", "--version", "v5"])
    #expect(refused.status == 73 && refused.errorText.contains("--version"), "\(refused.errorText)")
  }

  @Test func refusalsHaveAReasonAndAnExitCode() throws {
    try #require(tantra(["push", "mamba/v1.0", "\(layout):v1"], store: "store").status == 0)
    let file = try fixture.scratch.write("file", [1])
    for (arguments, status, words) in [
      (["pull", "\(layout):v2"], 66, "has no tag \"v2\""), (["pull", layout], 64, "which tag"),
      (["pull", "oci:\(fixture.scratch("nothing")):v1"], 66, "is no OCI image layout"),
      (["pull", "mamba"], 64, "is no remote"), (["push", "mamba/v1.0", "oci:\(file):v1"], 66, "no OCI image layout"),
      (["push", "mamba/v1.0", "oci:\(fixture.scratch.path):v1"], 66, "other files"),
      (["push", "mamba/v7", "\(layout):v7"], 66, "no version"),
      (["push", "mamba", "\(layout):v7"], 64, "which version"),
      (["push", "mamba/v1.0", "\(layout)@sha256:" + String(repeating: "0", count: 64)], 64, "expected a tag"),
      (["remote", "list", "\(layout):v1"], 64, "all tags"),
    ] as [([String], Int32, String)] {
      let command = try fixture.tantra(arguments)
      #expect(command.status == status && command.errorText.contains(words), "\(arguments) \(command.errorText)")
    }
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("nothing")))
  }
}
