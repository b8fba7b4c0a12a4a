import Tensors

extension TorchZipFormat {
  private static let smallRecordLimit = 4096

  /// Parses a file that `torch.save` wrote as a zip archive: any of its three generations, 1.6 and later.
  ///
  /// The archive's directory and pickle are read and interpreted; nothing is executed, and no tensor data is read.
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    let archive = try ZipReader(source, inspect: TorchArchive.inspect)
    let records = try TorchArchive(archive)
    try records.checkSmallRecords(limit: TorchZipFormat.smallRecordLimit)
    let pickle = try archive.contents(of: records.pickle, limit: PickleInput.byteLimit)
    let (graph, byteCount) = try PickleMachine.run(PickleInput(pickle, what: "data.pkl"), dialect: .zip)
    guard byteCount == pickle.count else {
      throw FormatError(.malformed, "data.pkl goes on for \(pickle.count - byteCount) bytes after its end")
    }
    let stored = records.storages.mapValues { record in
      StateDictBuilder.StoredBytes(offset: record.offset, byteCount: record.byteCount, crc32: record.crc32)
    }
    var builder = StateDictBuilder(graph: graph, stored: stored, fileByteCount: source.byteCount)
    let mentioned = Set(graph.storages.map { graph.string($0.key) })
    for record in archive.records {
      guard let key = records.storageKey(of: record), !mentioned.contains(key) else { continue }
      builder.extras.add("data/" + key, "\(record.byteCount) bytes that the pickle does not mention")
    }
    return try builder.build()
  }
}
