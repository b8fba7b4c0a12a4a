import Foundation
import TestSupport
import Testing

/// A mounted store, and folders of weights on a disk beside it, for scripts that work on both.
///
///     $IN/full/    model.safetensors, model.pt, model.bin (one state dict), config.json, tokenizer/vocab.txt
///     $IN/plain/   model.safetensors of the same state dict, config.json
///     $IN/other/   model.safetensors, model.pt of another state dict, config.json
///     $OUT/        empty
final class WritingFixture: Sendable {
  let fixture: TantraFixture

  init(mounted: Bool = true, weights: SmallWeights = .example()) throws {
    fixture = try TantraFixture()
    let scratch = fixture.scratch
    let other = SmallWeights.example(bias: 7)
    for folder in ["in/full/tokenizer", "in/plain", "in/other", "out", "bin"] {
      try FileManager.default.createDirectory(atPath: scratch(folder), withIntermediateDirectories: true)
    }
    try scratch.write("in/full/model.safetensors", try weights.safetensors())
    try scratch.write("in/full/model.pt", try weights.torchZip())
    try scratch.write("in/full/model.bin", try weights.torchZip())
    try scratch.write("in/full/tokenizer/vocab.txt", Array("a b c\n".utf8))
    try scratch.write("in/plain/model.safetensors", try weights.safetensors())
    try scratch.write("in/other/model.safetensors", try other.safetensors())
    try scratch.write("in/other/model.pt", try other.torchZip())
    for folder in ["full", "plain", "other"] {
      try scratch.write("in/\(folder)/config.json", Array("{\"hidden_size\": 4}\n".utf8))
    }
    try FileManager.default.createSymbolicLink(
      atPath: scratch("bin/tantra"), withDestinationPath: TantraFixture.executable)
    if mounted { try fixture.mount() }
  }

  /// Runs a script of bash in the mountpoint, which is $MNT. It stops at the first command that fails.
  func run(_ script: String) throws -> Command {
    let scratch = fixture.scratch
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return try Command.run(
      "bash", ["-Eeuo", "pipefail", "-c", script],
      environment: [
        "MNT": fixture.mountpoint, "IN": scratch("in"), "OUT": scratch("out"), "TANTRA_STORE": fixture.storePath,
        "PATH": scratch("bin") + ":" + Python.folder + ":" + path, "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_OFFLINE": "1", "LC_ALL": "C",
        "ORACLES": Python.packageRoot + "/Tests/Oracles",
      ], folder: fixture.isMounted ? fixture.mountpoint : scratch.path)
  }

  /// Runs a script that has to succeed, and answers with what it printed.
  @discardableResult
  func succeed(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let tell = #"trap 'echo "failed in line $LINENO: $BASH_COMMAND" >&2' ERR"#
    let command = try run("\(tell); \(script)")
    if command.status != 0 {
      let log = try run("tail -n 5 .control/log || true").outputText
      Issue.record(
        "ended with \(command.status): \(command.outputText)\(command.errorText)\(log)", sourceLocation: sourceLocation)
    }
    return command.outputText
  }

  /// Runs a script that has to fail with the text of an errno, and with a reason in the log.
  func fail(
    _ script: String, _ errno: String, reason: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let command = try run(script)
    #expect(command.status != 0, "it succeeded", sourceLocation: sourceLocation)
    #expect(command.errorText.contains(errno), "\(command.errorText)", sourceLocation: sourceLocation)
    if !reason.isEmpty {
      let log = try fixture.text(".control/log")
      #expect(log.contains(reason), "\(log.suffix(1500))", sourceLocation: sourceLocation)
    }
  }

  /// Bytes that all blobs of the store take.
  var storedBytes: Int {
    get throws {
      try fixture.scratch.files(below: "store/weights").reduce(0) { sum, path in
        let attributes = try FileManager.default.attributesOfItem(atPath: fixture.scratch(path))
        return sum + (attributes[.size] as? Int ?? 0)
      }
    }
  }
}
