package import Tensors

/// What is computed of a version: names and sizes, and why some files are not offered.
package struct DerivedListing: Sendable, Hashable, Encodable {
  package struct File: Sendable, Hashable, Encodable {
    /// In the version's folder of `.derived`: `model-Q8_0.gguf`.
    package var path: String
    package var byteCount: Int
    /// How many tensors are of each type.
    package var types: [DerivedFile.TypeCount]
    /// What the bytes of this file depend on; nil if that is what ``DerivedListing/content`` stands for.
    package var content: Digest?
    /// Whether it is computed; else it travels with the version, and is shown as it is.
    package var isComputed = true

    private enum CodingKeys: String, CodingKey { case path, byteCount, types }
  }

  package struct Missing: Sendable, Hashable, Encodable {
    package var path: String
    package var reason: String
  }

  /// Who can do what with the GGUF files of a version.
  package struct GGUFReaders: Sendable, Hashable, Encodable {
    package enum Use: String, Sendable, Hashable, Encodable {
      /// llama.cpp runs them, text and all.
      case text
      /// llama.cpp runs them, on numbers of tokens.
      case tokens
      /// No program runs them: they hold tensors, for whoever reads tensors.
      case tensors
    }

    /// What the files say that they are.
    package var architecture: String
    package var use: Use

    /// A sentence without a final stop.
    package var text: String {
      switch use {
      case .text: "llama.cpp runs them, as \(architecture)"
      case .tokens:
        "llama.cpp runs them, as \(architecture), on numbers of tokens: the version has no tokenizer"
      case .tensors:
        "tensors only, for viewers and loaders; llama.cpp does not run them: "
          + (architecture == GGUFModel.unknownArchitecture
            ? "config.json names no model_type" : "Tantra writes no \(architecture) that it runs")
      }
    }
  }

  /// Stands for all that the bytes of the files depend on.
  package var content: Digest
  package var files: [File]
  package var missing: [Missing]
  /// Of the GGUF files; nil if there are none.
  package var gguf: GGUFReaders?

  private enum CodingKeys: String, CodingKey { case files, missing, gguf }

  /// Stands for the bytes of a file.
  package func content(of file: File) -> Digest { file.content ?? content }

  package func file(_ path: String) -> File? { files.first { $0.path == path } }
}
