import Foundation
import TestSupport

/// Checkpoints that torch and safetensors wrote, made once for all tests.
final class CheckpointMatrix: Sendable {
  /// One checkpoint.
  struct Case: Sendable {
    let name: String
    /// How it was written: `plain`, `wrapped`, `nested`, `legacy`, `cuda`, `safetensors`, ...
    let form: String
    let tensorCount: Int
    /// Whether a tensor was not contiguous.
    let isStrided: Bool
    /// `pt` or `safetensors`.
    let view: String
    let source: [UInt8]
    /// What torch.save writes for the plain state dict.
    let plain: [UInt8]
    /// What save_file writes for it; nil if safetensors cannot hold it.
    let safetensors: [UInt8]?
  }

  private struct Description: Decodable {
    var form: String
    var tensorCount: Int
    var strided: Bool
  }

  static let count = 120

  /// All cases.
  static let shared = Result { try CheckpointMatrix() }

  let cases: [Case]

  private init() throws {
    let folder = try TemporaryFolder()
    try Python.oracle("make_checkpoints.py", [folder.path, "2026", String(Self.count)])
    cases = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
      func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: folder("\(name)/\(file)")) }
      let description = try JSONDecoder().decode(Description.self, from: Data(folder.read("\(name)/case.json")))
      let view = exists("source.pt") ? "pt" : "safetensors"
      return Case(
        name: name, form: description.form, tensorCount: description.tensorCount, isStrided: description.strided,
        view: view, source: try folder.read("\(name)/source.\(view)"), plain: try folder.read("\(name)/model.pt"),
        safetensors: exists("model.safetensors") ? try folder.read("\(name)/model.safetensors") : nil)
    }
  }
}
