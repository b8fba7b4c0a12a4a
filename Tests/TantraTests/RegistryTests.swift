import Foundation
import TestSupport
import Testing

/// push and pull with a registry that teams run, and with what stands between.
@Suite(.serialized, .onWaitingThreads) struct RegistryTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  /// Runs a command on a store, with Docker's settings from a folder.
  private func tantra(
    _ arguments: [String], store: String = "store", settings: String = "docker", environment: [String: String] = [:]
  ) throws -> Command {
    try Command.run(
      TantraFixture.executable, arguments,
      environment: [
        "TANTRA_STORE": fixture.scratch(store), "XDG_CACHE_HOME": fixture.scratch("cache"),
        "DOCKER_CONFIG": fixture.scratch(settings), "XDG_RUNTIME_DIR": fixture.scratch("none"),
      ].merging(environment) { $1 })
  }

  /// Runs a command that has to succeed.
  @discardableResult
  private func succeed(_ arguments: String..., store: String = "store", settings: String = "docker") throws -> String {
    let command = try tantra(arguments, store: store, settings: settings)
    try #require(command.status == 0, "\(arguments): \(command.errorText)")
    return command.outputText
  }

  private func logIn(_ host: String, as name: String = "ada", _ password: String, settings: String) throws {
    try FileManager.default.createDirectory(atPath: fixture.scratch(settings), withIntermediateDirectories: true)
    let word = Data("\(name):\(password)".utf8).base64EncodedString()
    try fixture.scratch.write("\(settings)/config.json", Array(#"{"auths":{"\#(host)":{"auth":"\#(word)"}}}"#.utf8))
  }

  @Test func aVersionTravelsThroughARegistry() throws {
    let server = try RegistryServer()
    let remote = "127.0.0.1:\(server.port)/team/mamba"
    #expect(try succeed("push", "mamba/v1.0", "\(remote):live").contains("sent 2.7 MiB of 2.7 MiB"))
    #expect(try server.storedByteCount() > 2_700_000)
    let again = try succeed("push", "mamba/v1.0", "\(remote):live")
    #expect(again.contains("sent 0 B of 2.7 MiB"), "\(again)")
    try succeed("push", "mamba/v1.0", remote)
    let list = try succeed("remote", "list", remote)
    #expect(list.contains("live  mamba/v1.0  2.7 MiB  sha256:") && list.contains("v1.0  mamba/v1.0"), "\(list)")
    let pulled = try succeed("pull", "\(remote):live", store: "other")
    #expect(pulled.contains("fetched 2.7 MiB of 2.7 MiB; active"), "\(pulled)")
    #expect(try succeed("validate", "mamba", "v1.0", store: "other").contains("valid"))
    // skopeo takes it to a folder and back, and the digest stays.
    let folder = fixture.scratch("layout")
    for places in [
      ["docker://\(remote):live", "oci:\(folder):live"], ["oci:\(folder):live", "docker://\(remote):back"],
    ] {
      let copied = try Command.run(
        "skopeo", ["copy", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"] + places)
      try #require(copied.status == 0, "\(copied.errorText)")
    }
    struct Entry: Decodable { var tag: String, digest: String }
    let entries = try JSONDecoder().decode(
      [Entry].self, from: Data(try succeed("remote", "list", remote, "--json").utf8))
    #expect(entries.map(\.tag).sorted() == ["back", "live", "v1.0"] && Set(entries.map(\.digest)).count == 1)
    #expect(try succeed("pull", "oci:\(folder):live", store: "third").contains("; active"))
    for (reference, status, words) in [
      ("\(remote):nope", 66, "has no tag"), ("127.0.0.1:\(server.port)/team/none:v1", 66, "404"),
      ("127.0.0.1:1/team/mamba:v1", 74, "127.0.0.1"), ("\(remote)/UPPER:v1", 64, "lower-case"),
      ("no-such-host.invalid/a:v1", 74, "no-such-host.invalid"),
    ] as [(String, Int32, String)] {
      let refused = try tantra(["pull", reference])
      #expect(refused.status == status && refused.errorText.contains(words), "\(reference): \(refused.errorText)")
    }
  }

  @Test func othersPullWhatWasPushed() throws {
    let server = try RegistryServer()
    let remote = "127.0.0.1:\(server.port)/team/mamba:live"
    try succeed("push", "mamba/v1.0", remote)
    let pulled = try Python.oracle("oras_pull.py", [remote, fixture.scratch("pulled")])
    let paths = pulled.split(separator: "\n").map(String.init)
    #expect(paths.filter { !$0.hasPrefix(".tantra/") } == ["config.json", "model.safetensors"], "\(pulled)")
    #expect(paths.contains(".tantra/manifest.json"))
    try succeed(
      "export", "mamba", "v1.0", "--folder", "--format", "safetensors", "--to", fixture.scratch("exported"))
    let equal = try Command.run(
      "diff", ["-r", "--exclude=.tantra", fixture.scratch("pulled"), fixture.scratch("exported/mamba_v1.0")])
    #expect(equal.status == 0, "\(equal.outputText)")
  }

  @Test func largeBlobsGoInParts() throws {
    let server = try RegistryServer()
    let file = fixture.scratch("big.safetensors")
    try Python.oracle("big_weights.py", [file, "50"])
    try succeed("import", file, "--model", "big", "--version", "v1")
    let remote = "127.0.0.1:\(server.port)/big:v1"
    try succeed("push", "big/v1", remote)
    try succeed("pull", remote, store: "other")
    #expect(try succeed("export", "big", "v1", "--to", fixture.scratch("out"), store: "other").contains("50"))
    let equal = try Command.run("cmp", [file, fixture.scratch("out/big_v1_safetensors.safetensors")])
    #expect(equal.status == 0, "\(equal.outputText)")
  }

  @Test func passwordsComeFromDockersFilesAndHelpers() throws {
    let server = try RegistryServer(hasPassword: true)
    let host = "127.0.0.1:\(server.port)"
    let remote = "\(host)/private/mamba:v1"
    let unknown = try tantra(["push", "mamba/v1.0", remote])
    #expect(unknown.status == 77 && unknown.errorText.contains("docker login \(host)"), "\(unknown.errorText)")
    try logIn(host, "wrong", settings: "wrong")
    #expect(try tantra(["push", "mamba/v1.0", remote], settings: "wrong").status == 77)
    try logIn(host, "secret", settings: "right")
    try succeed("push", "mamba/v1.0", remote, settings: "right")
    // A program that knows the password.
    try FileManager.default.createDirectory(atPath: fixture.scratch("helped"), withIntermediateDirectories: true)
    try fixture.scratch.write("helped/config.json", Array(#"{"credHelpers":{"\#(host)":"for-tests"}}"#.utf8))
    let helper = #"""
      #!/bin/sh
      [ "$1" = get ] && [ "$(cat)" = "\#(host)" ] && echo '{"Username":"ada","Secret":"secret"}'
      """#
    try fixture.scratch.write("helper", Array(helper.utf8))
    // By another process: what this one has open for writing cannot be run, nor while a process that it starts has a copy.
    let program = fixture.scratch("helped/docker-credential-for-tests")
    #expect(try Command.run("install", ["-m", "755", fixture.scratch("helper"), program]).status == 0)
    let pulled = try tantra(
      ["pull", remote], store: "other", settings: "helped",
      environment: ["PATH": fixture.scratch("helped") + ":/usr/bin:/bin"])
    #expect(pulled.status == 0, "\(pulled.errorText)")
  }

  @Test func registriesBehaveInManyWays() throws {
    let server = try RegistryServer()
    let port = try server.front("registry_front.py", "modes", "bearer 60")
    let host = "127.0.0.1:\(port)"
    let remote = "\(host)/team/mamba:v1"
    #expect(try tantra(["push", "mamba/v1.0", remote]).status == 77)
    try logIn(host, "secret", settings: "right")
    try succeed("push", "mamba/v1.0", remote, settings: "right")
    // A token that ends on the way is got anew.
    for (index, mode) in ["bearer 1", "redirect", "busy"].enumerated() {
      try server.set("modes", mode)
      let pulled = try tantra(["pull", remote], store: "good-\(index)", settings: "right")
      #expect(pulled.status == 0, "\(mode): \(pulled.errorText)")
      #expect(try succeed("validate", "mamba", "v1.0", store: "good-\(index)").contains("valid"))
    }
    for (index, (mode, words)) in [
      ("norange", "ignores Range"), ("shifted", "asked for the bytes"),
      ("elsewhere http://example.invalid/", "not followed"),
      ("elsewhere ftp://127.0.0.1/", "not followed"),
    ].enumerated() {
      try server.set("modes", mode)
      let refused = try tantra(["pull", remote], store: "bad-\(index)", settings: "right")
      #expect(refused.status != 0 && refused.errorText.contains(words), "\(mode): \(refused.errorText)")
      #expect(try succeed("list-models", store: "bad-\(index)").split(separator: "\n").count <= 1)
    }
  }

  @Test func certificatesAreLookedAt() throws {
    let server = try RegistryServer(isEncrypted: true)
    let remote = "127.0.0.1:\(server.port)/team/mamba:v1"
    let unknown = try tantra(["push", "mamba/v1.0", remote])
    #expect(unknown.status == 74 && unknown.errorText.contains("certificate"), "\(unknown.errorText)")
    let trusting = ["SSL_CERT_FILE": server.certificate]
    let pushed = try tantra(["push", "mamba/v1.0", remote], environment: trusting)
    #expect(pushed.status == 0, "\(pushed.errorText)")
    #expect(try tantra(["pull", remote], store: "other").status == 74)
    let pulled = try tantra(["pull", remote], store: "other", environment: trusting)
    #expect(pulled.status == 0 && pulled.outputText.contains("; active"), "\(pulled.errorText)")
  }

  @Test func nobodyWaitsForTheEndOfWhatHasAllCome() throws {
    let server = try RegistryServer()
    let port = try server.front("registry_front.py", "modes", "endless")
    let remote = "127.0.0.1:\(port)/team/mamba:v1"
    for (arguments, store) in [(["push", "mamba/v1.0", remote], "store"), (["pull", remote], "other")] {
      let command = try Command.run(
        "timeout", ["60", TantraFixture.executable] + arguments + ["--store", fixture.scratch(store)],
        environment: ["XDG_CACHE_HOME": fixture.scratch("cache"), "DOCKER_CONFIG": fixture.scratch("docker")])
      #expect(command.status == 0, "\(arguments): \(command.errorText)")
    }
    #expect(try succeed("validate", "mamba", "v1.0", store: "other").contains("valid"))
  }

  @Test func whatANetworkDoesIsFoundAndMended() throws {
    let server = try RegistryServer()
    let file = fixture.scratch("big.safetensors")
    try Python.oracle("big_weights.py", [file, "20"])
    try succeed("import", file, "--model", "big", "--version", "v1")
    try succeed("push", "big/v1", "127.0.0.1:\(server.port)/big:v1")
    let port = try server.front("fault_proxy.py", "faults", "none")
    let remote = "127.0.0.1:\(port)/big:v1"
    // A byte that changed on the way is asked for again, or is the end of it; it never arrives.
    for (index, fault) in (["flip 9000000", "cut 5000000"] + (1...12).map { "seed \($0)" }).enumerated() {
      try server.set("faults", fault)
      let pulled = try tantra(["pull", remote], store: "pull-\(index)")
      if pulled.status != 0 {
        #expect([65, 66, 74].contains(pulled.status) && !pulled.errorText.isEmpty, "\(fault): \(pulled.errorText)")
        try server.set("faults", "none")
        try succeed("pull", remote, store: "pull-\(index)")
      }
      try succeed("export", "big", "v1", "--to", fixture.scratch("out-\(index)"), store: "pull-\(index)")
      let equal = try Command.run("cmp", [file, fixture.scratch("out-\(index)/big_v1_safetensors.safetensors")])
      #expect(equal.status == 0, "\(fault): \(equal.outputText)")
    }
    // Nobody waits for a server that says nothing who does not want to.
    try server.set("faults", "silent")
    let pull = [TantraFixture.executable, "pull", remote, "--store", fixture.scratch("silent")]
    let stopped = try Command.run("timeout", ["--signal=INT", "--kill-after=20", "2"] + pull)
    #expect(stopped.status == 124, "\(stopped.errorText)")
  }
}
