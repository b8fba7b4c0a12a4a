import Foundation
import TestSupport
import Testing

/// A version `big/v1` with some MiB of random weights in a registry, a server before that, and mounts of it.
final class RemoteMountFixture {
  let scratch: TemporaryFolder
  let server: RegistryServer
  /// What `big/v1` was imported from.
  let source: String
  private let port: Int

  var mountpoint: String { scratch("mnt") }
  var cache: String { scratch("cache") }
  var weights: String { mountpoint + "/big/v1/model.safetensors" }

  init(mebibytes: Int = 40) throws {
    scratch = try TemporaryFolder()
    server = try RegistryServer()
    try FileManager.default.createDirectory(atPath: scratch("source"), withIntermediateDirectories: true)
    source = scratch("source/model.safetensors")
    try Python.oracle("big_weights.py", [source, "\(mebibytes)"])
    port = try server.front("registry_front.py", "modes", "plain")
    try scratch.write("source/config.json", Array("{}\n".utf8))
    try succeed("import", scratch("source"), "--model", "big", "--version", "v1", "--store", scratch("store"))
    try succeed("push", "big/v1", "127.0.0.1:\(server.port)/big:live", "--store", scratch("store"))
  }

  deinit {
    do { _ = try Command.run("umount", ["-l", mountpoint]) } catch {
      print("could not unmount \(mountpoint): \(error)")
    }
  }

  /// The remote, through the server before the registry.
  var reference: String { "127.0.0.1:\(port)/big:live" }

  func tantra(_ arguments: [String]) throws -> Command {
    try Command.run(
      TantraFixture.executable, arguments,
      environment: [
        "XDG_CACHE_HOME": scratch("home"), "XDG_DATA_HOME": scratch("data"), "DOCKER_CONFIG": scratch("docker"),
        "XDG_RUNTIME_DIR": scratch("none"),
      ])
  }

  @discardableResult
  func succeed(_ arguments: String...) throws -> String {
    let command = try tantra(arguments)
    try #require(command.status == 0, "\(arguments): \(command.errorText)")
    return command.outputText
  }

  func mount(_ options: String...) throws {
    let command = try tantra(["mount", mountpoint, "--remote", reference, "--cache", cache] + options)
    try #require(command.status == 0, "\(command.errorText)")
  }

  /// Mounts through a server that may break: whether it did.
  func mount(at port: Int, cache: String) throws -> Bool {
    let command = try tantra(
      ["mount", mountpoint, "--remote", "127.0.0.1:\(port)/big:live", "--cache", scratch(cache)])
    #expect(command.status == 0 || [65, 66, 74].contains(command.status) && !command.errorText.isEmpty)
    return command.status == 0
  }

  func unmount() throws {
    let pid = daemon
    try succeed("unmount", mountpoint)
    // Its cache is free when it has ended.
    #expect(eventually { kill(pid, 0) != 0 })
  }

  /// The process that serves the mount.
  var daemon: Int32 {
    let lock = FileManager.default.contents(atPath: cache + "/.staging/lock") ?? Data()
    let words = String(decoding: lock, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    return words.count > 1 ? Int32(words[1]) ?? 0 : 0
  }

  /// How the server before the registry behaves from now on; see `registry_front.py`.
  func behave(_ mode: String) throws { try server.set("modes", mode) }

  /// The parts of blobs that somebody has asked for: path, first and last byte.
  func requests() throws -> [(path: String, first: Int, last: Int)] {
    guard FileManager.default.fileExists(atPath: server.scratch("modes.log")) else { return [] }
    return String(decoding: try server.scratch.read("modes.log"), as: UTF8.self).split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      return (String(words[0]), Int(words[1]) ?? 0, Int(words[2]) ?? 0)
    }
  }

  /// Bytes that somebody has asked for.
  func requestedByteCount() throws -> Int { try requests().reduce(0) { $0 + $1.last - $1.first + 1 } }

  func control(_ name: String) throws -> String {
    String(decoding: try scratch.read("mnt/.control/" + name), as: UTF8.self)
  }

  /// A figure of `.control/status`.
  func figure(_ name: String) throws -> Int? {
    try control("status").split(separator: "\n").first { $0.hasPrefix(name + " ") }
      .flatMap { Int($0.split(separator: " ")[1]) }
  }

  /// Whether a file of the mount has the bytes of the source.
  func isEqual(_ path: String) throws -> Bool { try Command.run("cmp", [path, source]).status == 0 }

  /// Reads a part of the weights: nil, or what is said of the failure.
  func failure(ofReading mebibytes: Range<Int>) throws -> String? {
    let command = try Command.run(
      "dd",
      [
        "if=\(weights)", "of=/dev/null", "bs=1M", "skip=\(mebibytes.lowerBound)", "count=\(mebibytes.count)",
        "status=none",
      ])
    return command.status == 0 ? nil : command.errorText
  }

  /// The files that blobs are filled into.
  func cacheFiles() throws -> [String] { try scratch.files(below: "cache/.staging/remote/sha256") }
}
