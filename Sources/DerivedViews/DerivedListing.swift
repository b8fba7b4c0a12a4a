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

  /// Stands for all that the bytes of the files depend on.
  package var content: Digest
  package var files: [File]
  package var missing: [Missing]

  private enum CodingKeys: String, CodingKey { case files, missing }

  /// Stands for the bytes of a file.
  package func content(of file: File) -> Digest { file.content ?? content }

  package func file(_ path: String) -> File? { files.first { $0.path == path } }
}
