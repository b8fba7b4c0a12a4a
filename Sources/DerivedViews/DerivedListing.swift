package import Tensors

/// What is computed of a version: names and sizes, and why some files are not offered.
package struct DerivedListing: Sendable, Hashable, Encodable {
  package struct File: Sendable, Hashable, Encodable {
    /// In the version's folder of `.derived`: `model-Q8_0.gguf`.
    package var path: String
    package var byteCount: Int
    /// How many tensors are of each type.
    package var types: [DerivedFile.TypeCount]
  }

  package struct Missing: Sendable, Hashable, Encodable {
    package var path: String
    package var reason: String
  }

  /// Stands for all that the bytes of the files depend on.
  package var content: Digest
  package var files: [File]
  package var missing: [Missing]

  private enum CodingKeys: String, CodingKey { case files, missing }

  package func file(_ path: String) -> File? { files.first { $0.path == path } }
}
