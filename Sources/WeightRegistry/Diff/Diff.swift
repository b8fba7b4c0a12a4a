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
    let (old, new) = (try tables(of: manifests.0), try tables(of: manifests.1))
    var tensors: [VersionDifference.Tensor] = []
    var pairs: [(tensor: Int, pair: TensorComparison.Pair)] = []
    for file in Set(old.keys).union(new.keys).sorted() {
      try compare(old[file], new[file], of: file.wrappedValue, into: &tensors, measuring: &pairs)
    }
    for (measured, distance) in zip(pairs, try distances(of: pairs.map(\.pair), progress)) {
      tensors[measured.tensor].distance = distance
    }
    return VersionDifference(
      model: model, before: before, after: after, tensors: tensors,
      files: Self.differences(of: manifests.0.files, manifests.1.files))
  }

  /// The state dicts of a version by the paths of their components; "" is the main one.
  private func tables(of manifest: Manifest) throws(StoreError) -> [ExactName: Table] {
    var tables: [ExactName: Table] = [:]
    if let main = manifest.main { tables[ExactName("")] = try records.table(main.table) }
    for file in manifest.components {
      if let table = file.table { tables[file.$path] = try records.table(table) }
    }
    return tables
  }

  /// Compares two state dicts, tensor by tensor.
  ///
  /// - Parameters:
  ///   - file: the component that they are of; "" for the main one.
  ///   - tensors: what becomes of each tensor is added to it.
  ///   - pairs: where the bytes are of tensors whose values have changed, with their places in `tensors`, are added to it.
  private func compare(
    _ old: Table?, _ new: Table?, of file: String, into tensors: inout [VersionDifference.Tensor],
    measuring pairs: inout [(tensor: Int, pair: TensorComparison.Pair)]
  ) throws(StoreError) {
    let prefix = file.isEmpty ? "" : file + ": "
    var newIndices = new?.tensorIndices ?? [:]
    for (index, known) in (old?.stateDict.tensors ?? []).enumerated() {
      guard let old, let new, let newIndex = newIndices.removeValue(forKey: ByteString(known.name)) else {
        tensors.append(.init(name: prefix + known.name, change: .removed, before: .init(known)))
        continue
      }
      let other = new.stateDict.tensors[newIndex]
      var tensor = VersionDifference.Tensor(
        name: prefix + known.name, change: .same, before: .init(known), after: .init(other))
      if tensor.before != tensor.after {
        tensor.change = .retyped
      } else if old.digest(ofTensor: index) != new.digest(ofTensor: newIndex) {
        tensor.change = .changed
        if DistanceSums.supports(known.dtype), let first = try origin(of: known, in: old),
          let second = try origin(of: other, in: new)
        {
          pairs.append(
            (tensors.count, .init(dtype: known.dtype, byteCount: known.byteCount, first: first, second: second)))
        }
      }
      tensors.append(tensor)
    }
    for tensor in new?.stateDict.tensors ?? [] where newIndices[ByteString(tensor.name)] != nil {
      tensors.append(.init(name: prefix + tensor.name, change: .added, after: .init(tensor)))
    }
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
    let old = Dictionary(before.map { ($0.path, $0.content) }, uniquingKeysWith: { first, _ in first })
    let new = Dictionary(after.map { ($0.path, $0.content) }, uniquingKeysWith: { first, _ in first })
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
