import PosixIO
import StoreRecords
import Tensors
import WeightFormats
import WeightRegistry

extension WeightManager {
  /// Publishes a state dict as a version, durably: it is written as safetensors, and every format appears at once.
  ///
  /// A version that exists with the same weights is left as it is. The first version of a model becomes active.
  ///
  /// - Parameters:
  ///   - isActive: whether the version becomes active though another one is.
  ///   - progress: bytes done and in all; answers whether to go on. Called from several threads.
  /// - Returns: the version as it is now.
  /// - Throws: `differentWeights` if the version exists with other weights; `unacceptable` if there is no tensor, or
  ///   safetensors cannot hold one's type; `storeInUse` if another process writes the store or has it mounted for
  ///   writing; `system(ENOSPC)` if the disk is full.
  @discardableResult
  public func saveWeights(
    _ stateDict: StateDict, model: String, version: String, isActive: Bool = false,
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws(WeightError) -> WeightVersion {
    let model = try registry(try ModelName(validating: model))
    let version = try registry(try VersionName(validating: version))
    guard stateDict.count > 0 else {
      throw WeightError(.unacceptable, "\(model)/\(version): a state dict without tensors is nothing to save")
    }
    try change { () throws(StoreError) in
      // Whoever opens the store for writing sweeps what a crash has left in this folder.
      let writer = try WeightRegistry(storePath: path, access: .writing(), logger: logger)
      let name = "\(model)_\(version)_safetensors.safetensors"
      let layout = try Self.layout(of: stateDict, subject: "\(model)/\(version)")
      do throws(PosixError) {
        let staging = try Folder.open(path + "/.staging")
        try write(stateDict, layout, to: try staging.makeFile(name, exclusively: true))
      } catch {
        throw StoreError(error)
      }
      _ = try writer.importing(
        ImportRequest(
          model: model, version: version, source: path + "/.staging/" + name, view: "safetensors", activating: isActive),
        progress: Self.handler(progress))
    }
    return try look { () throws(StoreError) in
      WeightVersion(try reader.records.manifest(of: model, version), in: reader.records)
    }
  }

  private static func layout(of stateDict: StateDict, subject: String) throws(StoreError) -> FileLayout {
    let tensors = stateDict.map { name, tensor in
      (name: name, dtype: tensor.dtype, shape: tensor.shape, byteCount: tensor.byteCount)
    }
    // A safetensors file holds no checksums: what is handed over is not looked at.
    let none = StorageHasher().finalize()
    do throws(FormatError) {
      return try SafetensorsFormat().layout(
        of: Tensors.StateDict(independent: tensors), checksums: tensors.map { _ in none })
    } catch {
      throw StoreError(error, file: subject)
    }
  }

  private func write(
    _ stateDict: StateDict, _ layout: FileLayout, to file: OpenedFile
  ) throws(PosixError) {
    let tensors = stateDict.map(\.tensor)
    var position = 0
    for segment in layout.segments {
      switch segment {
      case .literal(let bytes):
        try file.write(Array(bytes), at: position)
        position += bytes.count
      case .storage(let index, let offset, let byteCount):
        try tensors[index].withUnsafeBytes { buffer throws(PosixError) in
          try file.write(UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + byteCount]), at: position)
        }
        position += byteCount
      }
    }
  }
}
