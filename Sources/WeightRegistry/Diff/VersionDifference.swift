package import StoreRecords
package import Tensors

/// How two versions of a model differ, tensor by tensor.
package struct VersionDifference: Sendable, Hashable, Codable {
  /// What became of a tensor.
  package enum Change: String, Sendable, Hashable, Codable {
    case same, added, removed
    /// It has another dtype or shape.
    case retyped
    /// It has the same dtype and shape, and other bytes.
    case changed
  }

  /// What a tensor is in one of the versions.
  package struct Side: Sendable, Hashable, Codable {
    package var dtype: DType
    package var shape: Shape
  }

  /// A tensor that either version has.
  package struct Tensor: Sendable, Hashable, Codable {
    package var name: String
    package var change: Change
    /// In the first version; nil if it is added.
    package var before: Side?
    /// In the second version; nil if it is removed.
    package var after: Side?
    /// By how much its values differ; nil unless it is changed and a float of 16, 32 or 64 bits.
    package var distance: TensorDistance?
  }

  /// A file that travels with either version and is not the same in both.
  package struct File: Sendable, Hashable, Codable {
    package var path: String
    /// `added`, `removed` or `changed`.
    package var change: Change
  }

  package var model: ModelName
  package var before: VersionName
  package var after: VersionName
  /// In the order of the first version; what the second adds comes last, in its order.
  package var tensors: [Tensor]
  /// By path.
  package var files: [File]

  /// How many tensors there are of each kind.
  package func count(_ change: Change) -> Int { tensors.count { $0.change == change } }

  /// Whether the versions hold the same tensors and the same files.
  package var isEmpty: Bool { files.isEmpty && tensors.allSatisfy { $0.change == .same } }
}
