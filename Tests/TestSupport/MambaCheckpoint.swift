package import TantraRuntime

/// A random Mamba of transformers in a folder of its own.
package struct MambaCheckpoint {
  package let folder: TemporaryFolder

  /// - Parameters:
  ///   - settings: keys and JSON values of `MambaConfig`.
  ///   - isHarsh: whether its layers amplify rounding; see `mamba_checkpoint.py`.
  package init(
    _ settings: [String: String] = MambaCheckpoint.small, dtype: String = "float32", isHarsh: Bool = false
  ) throws {
    folder = try TemporaryFolder()
    try Python.oracle(
      "mamba_checkpoint.py",
      [folder.path] + settings.map { "\($0)=\($1)" }.sorted() + ["--dtype", dtype] + (isHarsh ? ["--harsh"] : []))
  }

  /// Two layers over bytes.
  package static let small = [
    "hidden_size": "40", "num_hidden_layers": "2", "state_size": "8", "vocab_size": "256", "bos_token_id": "0",
    "eos_token_id": "0",
  ]

  package func load() throws -> LoadedModel { try LoadedModel(resolved: folder.path) { _ in } }
}
