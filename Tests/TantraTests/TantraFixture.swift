import Foundation
import TestSupport

/// The built `tantra` with a store of its own, and a mount of it that is taken down at the end.
final class TantraFixture: Sendable {
  let scratch: TemporaryFolder
  var storePath: String { scratch("store") }
  var mountpoint: String { scratch("weights") }

  /// The program beside the test runner, which was built with it.
  static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("tantra").path

  /// Whether the shipped models are compressed at the beginning: with TANTRA_TEST_COMPRESSED all that a mount promises is tested of
  /// compressed versions.
  private static let areCompressed = ProcessInfo.processInfo.environment["TANTRA_TEST_COMPRESSED"] != nil

  /// - Parameter shipped: whether the store begins with the shipped models as `tantra generate` makes them, each as v1.0;
  ///   else there is none.
  init(shipped: Bool = true) throws {
    scratch = try TemporaryFolder()
    guard shipped else { return }
    try succeed("generate")
    guard Self.areCompressed else { return }
    for model in ["mamba", "mamba_multimodal", "ocr_native"] {
      try succeed("compress", "\(model)/v1.0", "--base", "none")
    }
  }

  /// A store that begins as a copy of the one at `path`.
  init(copyOf path: String) throws {
    scratch = try TemporaryFolder()
    let copy = try Command.run("cp", ["-r", path, storePath])
    guard copy.status == 0 else { throw OracleFailure(description: copy.errorText) }
  }

  deinit {
    guard isMounted else { return }
    do {
      _ = try Command.run("umount", ["-l", mountpoint])
      // The daemon ends by itself; its store is removed only after it has.
      if let pid = daemon { _ = eventually { kill(pid, 0) != 0 } }
    } catch {
      print("could not unmount \(mountpoint): \(error)")
    }
  }

  /// Runs a command on the store.
  @discardableResult
  func tantra(_ arguments: [String]) throws -> Command {
    try Command.run(
      Self.executable, arguments, environment: ["TANTRA_STORE": storePath, "XDG_CACHE_HOME": scratch("cache")])
  }

  /// Runs a command that has to succeed.
  @discardableResult
  func succeed(_ arguments: String...) throws -> String {
    let command = try tantra(arguments)
    guard command.status == 0 else {
      throw OracleFailure(description: "tantra \(arguments) ended with \(command.status): \(command.errorText)")
    }
    return command.outputText
  }

  func mount(_ options: String...) throws {
    let command = try tantra(["mount", mountpoint] + options)
    guard command.status == 0 else { throw OracleFailure(description: command.errorText) }
  }

  var isMounted: Bool {
    FileManager.default.contents(atPath: "/proc/mounts").map { String(decoding: $0, as: UTF8.self) }?
      .contains(" \(mountpoint) fuse.tantra ") ?? false
  }

  /// The pid in the store's lock file.
  var daemon: Int32? {
    guard let data = FileManager.default.contents(atPath: storePath + "/.staging/lock") else { return nil }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").first?.split(separator: " ").last.flatMap {
      Int32($0)
    }
  }

  /// Where the bytes of a version's first weight file lie, or those of another file of it: a path in ``scratch``.
  func blob(of model: String, _ version: String, file: String? = nil) throws -> String {
    struct Manifest: Decodable {
      struct File: Decodable { var path: String, blob: String? }
      var weights: [File]
      var files: [File]
    }
    let manifest = try JSONDecoder().decode(
      Manifest.self, from: Data(try scratch.read("store/models/\(model)/\(version).json")))
    let found = file == nil ? manifest.weights.first : manifest.files.first { $0.path == file }
    guard let blob = found?.blob else {
      throw OracleFailure(description: "\(model)/\(version) has no \(file ?? "weight file")")
    }
    return "store/weights/sha256/\(blob.prefix(2))/\(blob.dropFirst(2))"
  }

  /// Flips a bit of the last byte of a version's first weight file.
  func damage(_ model: String, _ version: String) throws {
    let path = try blob(of: model, version)
    var bytes = try scratch.read(path)
    bytes[bytes.count - 1] ^= 0x10
    try scratch.write(path, bytes)
  }

  /// Bytes of a file under the mountpoint.
  func read(_ path: String) throws -> [UInt8] { try scratch.read("weights/" + path) }

  func text(_ path: String) throws -> String { String(decoding: try read(path), as: UTF8.self) }
}
