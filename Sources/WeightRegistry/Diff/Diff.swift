import BlobStore
import PosixIO
package import StoreRecords
import Tensors

/// Compares versions of a model.
package struct Diff: Sendable {
  let records: RecordStore

  /// How two versions of a model differ.
  ///
  /// Digests tell which tensors differ, without reading data; only the data of changed floats is read, to tell by how much.
  ///
  /// - Parameter progress: bytes of changed floats of one version.
  package func callAsFunction(
    of model: ModelName, from before: VersionName, to after: VersionName,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> VersionDifference {
    let manifests = (try records.manifest(of: model, before), try records.manifest(of: model, after))
    let tables = (try table(of: manifests.0), try table(of: manifests.1))
    var tensors: [VersionDifference.Tensor] = []
    var pairs: [TensorComparison.Pair] = []
    var compared: [Int] = []
    var newIndices = tables.1.tensorIndices
    for (index, old) in tables.0.stateDict.tensors.enumerated() {
      guard let newIndex = newIndices.removeValue(forKey: ByteString(old.name)) else {
        tensors.append(.init(name: old.name, change: .removed, before: .init(old)))
        continue
      }
      let new = tables.1.stateDict.tensors[newIndex]
      var tensor = VersionDifference.Tensor(name: old.name, change: .same, before: .init(old), after: .init(new))
      if tensor.before != tensor.after {
        tensor.change = .retyped
      } else if tables.0.digest(ofTensor: index) != tables.1.digest(ofTensor: newIndex) {
        tensor.change = .changed
        if DistanceSums.supports(old.dtype), let first = try origin(of: old, in: tables.0),
          let second = try origin(of: new, in: tables.1)
        {
          compared.append(tensors.count)
          pairs.append(.init(dtype: old.dtype, byteCount: old.byteCount, first: first, second: second))
        }
      }
      tensors.append(tensor)
    }
    for new in tables.1.stateDict.tensors where newIndices[ByteString(new.name)] != nil {
      tensors.append(.init(name: new.name, change: .added, after: .init(new)))
    }
    for (index, distance) in zip(compared, try distances(of: pairs, progress)) { tensors[index].distance = distance }
    return VersionDifference(
      model: model, before: before, after: after, tensors: tensors,
      files: Self.differences(of: manifests.0.files, manifests.1.files))
  }

  private func table(of manifest: Manifest) throws(StoreError) -> Table {
    guard let main = manifest.main else {
      throw StoreError(.unknownView, "\(manifest.model)/\(manifest.version) has no main state dict to compare")
    }
    return try records.table(main.table)
  }

  private func distances(
    of pairs: [TensorComparison.Pair], _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> [TensorDistance] {
    let total = pairs.map(\.byteCount).reduce(0, &+)
    return try posix(try TensorComparison(pairs: pairs, progress: counting(.comparing, of: total, progress)).run())
  }

  /// Where a tensor's bytes are; nil if it has none.
  private func origin(
    of tensor: TensorDescriptor, in table: Table
  ) throws(StoreError) -> TensorComparison.Origin? {
    guard let location = table.location(ofStorage: tensor.storage) else { return nil }
    return TensorComparison.Origin(
      bytes: try blobStore(try records.store.blobs.open(table.packs[location.pack].blob)),
      offset: location.range.lowerBound + tensor.byteOffset)
  }

  private static func differences(
    of before: [FolderFile], _ after: [FolderFile]
  ) -> [VersionDifference.File] {
    let old = Dictionary(before.map { ($0.path, $0.blob) }, uniquingKeysWith: { first, _ in first })
    let new = Dictionary(after.map { ($0.path, $0.blob) }, uniquingKeysWith: { first, _ in first })
    return Set(old.keys).union(new.keys).sorted().compactMap { path in
      switch (old[path], new[path]) {
      case (nil, _): .init(path: path, change: .added)
      case (_, nil): .init(path: path, change: .removed)
      case (let a, let b): a == b ? nil : .init(path: path, change: .changed)
      }
    }
  }
}

extension VersionDifference.Side {
  fileprivate init(_ tensor: TensorDescriptor) { self.init(dtype: tensor.dtype, shape: tensor.shape) }
}
