import BlobStore
import PosixIO
import StoreRecords
import Tensors
import WeightFormats
import WeightRegistry

extension WeightManager {
  /// The tensors of a version, mapped from the store: nothing is copied, and nothing but a table is read before somebody
  /// touches the data. What is compressed, or not on this machine yet, is read into memory. They stay readable when the version is removed and purged.
  ///
  /// - Parameter version: nil for the active one.
  /// - Returns: the tensors in the order of the file they came from.
  /// - Throws: `unknownModel`, `unknownVersion`; `damaged` if a blob is missing or too short. Whether bytes are what they
  ///   were is for ``validate(model:version:progress:)`` to say.
  public func loadWeights(model: String, version: String? = nil) throws(WeightError) -> StateDict {
    try look { () throws(StoreError) in
      let model = try ModelName(validating: model)
      let chosen: VersionName
      if let version {
        chosen = try VersionName(validating: version)
      } else if let active = reader.records.activeVersion(of: model) {
        chosen = active
      } else {
        throw reader.records.contains(model)
          ? StoreError(.unknownVersion, "\(model) has no active version") : reader.records.unknown(model)
      }
      guard let main = try reader.records.manifest(of: model, chosen).main else {
        throw StoreError(.unknownView, "\(model)/\(chosen) has no main state dict")
      }
      let table = try reader.records.table(main.table)
      var packs: [MappedFile] = []
      for pack in table.packs { packs.append(try map(pack, of: "\(model)/\(chosen)")) }
      return StateDict(
        try table.stateDict.tensors.map { tensor throws(StoreError) in
          guard let location = table.location(ofStorage: tensor.storage) else {
            return (tensor.name, try Self.empty(tensor))
          }
          let start = location.range.lowerBound + tensor.byteOffset
          return (
            tensor.name,
            Tensor(
              dtype: tensor.dtype, shape: tensor.shape, file: packs[location.pack],
              range: start..<start + tensor.byteCount)
          )
        })
    }
  }

  private func map(_ pack: Table.Pack, of subject: String) throws(StoreError) -> MappedFile {
    let blob = try blobStore(try reader.blobs.open(pack.blob))
    let mapped: MappedFile
    if let file = blob.localFile {
      mapped = try posix(try MappedFile(file))
    } else {
      mapped = try blobStore(try blob.mapped())
    }
    guard mapped.byteCount >= pack.segments.byteCount else {
      throw StoreError(
        .damaged,
        "\(subject): pack \(pack.blob) is damaged: it has \(mapped.byteCount) bytes, not \(pack.segments.byteCount)")
    }
    return mapped
  }

  private static func empty(_ tensor: TensorDescriptor) throws(StoreError) -> Tensor {
    do throws(WeightError) { return try Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: []) } catch {
      throw StoreError(.damaged, error.message)
    }
  }
}
