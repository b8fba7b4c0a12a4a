package import BlobStore
package import StoreRecords
package import Tensors
package import WeightFormats

/// Where the bytes of a tensor are.
package struct StoredTensor: Sendable {
  package let name: String
  package let dtype: DType
  package let shape: Shape
  package let bytes: any StoredBytes
  package let offset: Int
  package let byteCount: Int
}

/// The tensors of a table, opened. No data is read.
package struct StoredTensors: Sendable {
  package let stateDict: StateDict
  private let origins: [VersionView.Origin?]
  private let packs: [Blob]

  init(stateDict: StateDict, origins: [VersionView.Origin?], packs: [Blob]) {
    self.stateDict = stateDict
    self.origins = origins
    self.packs = packs
  }

  /// A tensor by its index; nil if it has no bytes.
  package subscript(index: Int) -> StoredTensor? {
    let tensor = stateDict.tensors[index]
    guard let origin = origins[tensor.storage], tensor.byteCount > 0 else { return nil }
    return StoredTensor(
      name: "tensor \"\(tensor.name)\"", dtype: tensor.dtype, shape: tensor.shape, bytes: packs[Int(origin.blob)],
      offset: origin.offset + tensor.byteOffset, byteCount: tensor.byteCount)
  }
}

extension ViewCatalogue {
  /// Opens the packs of a table.
  package func tensors(of table: Table) throws(StoreError) -> StoredTensors {
    let (packs, origins) = try openPacks(of: table)
    return StoredTensors(stateDict: table.stateDict, origins: origins, packs: packs)
  }

  /// The view that a derived file is: one that was opened before, or what `make` puts together.
  ///
  /// - Parameter content: stands for all that its bytes depend on.
  package func derived(
    _ name: String, of content: Digest, _ make: () throws(StoreError) -> VersionView
  ) throws(StoreError) -> VersionView {
    try cache.view(of: .derived(content, name), make)
  }

  /// The file of a format that holds the state dict of a table.
  ///
  /// - Parameter subject: whose it is, for messages.
  package func open(_ view: ViewFormat, of table: Digest, _ subject: String) throws(StoreError) -> VersionView {
    try cache.view(of: .synthesized(table, view.name)) { () throws(StoreError) in
      try synthesize(view, from: try records.table(table), of: subject)
    }
  }
}
