package import Tensors

extension TorchZipFormat {
  /// The file that `torch.save(OrderedDict(...), "model.pt")` of torch 2.13 writes, byte for byte.
  ///
  /// No tensor data is read: what the archive says of it comes from `checksums`. O(tensors).
  ///
  /// - Throws: `unsupported` for a dtype that torch lacks, or tensors of different dtypes on one storage.
  package func layout(of stateDict: StateDict, checksums: [StorageChecksum]) throws(FormatError) -> FileLayout {
    try stateDict.checkForLayout(checksumCount: checksums.count)
    let pickled = try StateDictPickler.pickle(stateDict)
    var writer = ZipWriter(topName: Self.topName, alignment: Self.alignment)
    writer.reserve(recordCount: pickled.storages.count + 8)
    try writer.add("data.pkl", literal: pickled.bytes)
    try addRest(pickled.storages, of: stateDict, checksums: checksums, to: &writer)
    return try writer.finish()
  }

  package func byteCount(of stateDict: StateDict) throws(FormatError) -> Int {
    try stateDict.checkForLayout(checksumCount: stateDict.storageSizes.count)
    let pickled = try StateDictPickler.measure(stateDict)
    var writer = ZipWriter(topName: Self.topName, alignment: Self.alignment, isMeasuring: true)
    try writer.measure("data.pkl", byteCount: pickled.byteCount)
    try addRest(pickled.storages, of: stateDict, checksums: nil, to: &writer)
    return writer.finishMeasuring()
  }

  private static let alignment = 64

  /// Adds the records that follow the pickle.
  ///
  /// - Parameter checksums: nil if the archive is only measured.
  private func addRest(
    _ storages: [Int], of stateDict: StateDict, checksums: [StorageChecksum]?, to writer: inout ZipWriter
  ) throws(FormatError) {
    try writer.add(".format_version", literal: Array("1".utf8))
    try writer.add(".storage_alignment", literal: Array(String(Self.alignment).utf8))
    try writer.add("byteorder", literal: Array("little".utf8))
    for (key, index) in storages.enumerated() {
      try writer.add(
        "data/\(key)", storage: index, byteCount: stateDict.storageSizes[index], checksum: checksums?[index])
    }
    try writer.add("version", literal: Array("3\n".utf8))
    try writer.add(".data/serialization_id", literal: writer.serializationID.digits)
  }
}
