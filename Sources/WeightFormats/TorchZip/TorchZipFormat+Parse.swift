import Tensors

extension TorchZipFormat {
  private static let smallRecordLimit = 4096

  /// Parses a file that `torch.save` wrote as a zip archive: any of its three generations, 1.6 and later.
  ///
  /// The archive's directory and pickle are read and interpreted; nothing is executed, and no tensor data is read.
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    let contents = try read(source)
    var builder = try StateDictBuilder(
      graph: contents.graph, stored: contents.stored, places: contents.places, fileByteCount: source.byteCount,
      budget: contents.budget)
    builder.extras = contents.extras
    return try builder.build()
  }

  /// Checks the archive and its pickle, whether or not they hold weights.
  ///
  /// - Throws: as ``parse(_:)``, but for tensors.
  func checkPickle(of source: any ByteSource) throws(FormatError) { _ = try read(source) }

  /// What an archive holds, without the archive.
  private struct Contents {
    var graph: PickleGraph
    var stored: [StateDictBuilder.StoredBytes]
    var places: [UInt32]
    var extras: StateDictExtras
    var budget: MemoryBudget
  }

  /// Reads the archive's directory and pickle. The directory is given up on return.
  private func read(_ source: any ByteSource) throws(FormatError) -> Contents {
    var budget = MemoryBudget(MemoryBudget.torchLimit)
    let archive = try ZipReader(source, budget: &budget, inspect: TorchArchive.inspect)
    let records = try TorchArchive(archive, budget: &budget)
    let archiveCost = MemoryBudget.torchLimit - budget.available
    try records.checkSmallRecords(limit: TorchZipFormat.smallRecordLimit)
    try budget.charge(min(records.pickle.byteCount, PickleInput.byteLimit))
    let pickle = try archive.contents(of: records.pickle, limit: PickleInput.byteLimit)
    let byteCount = pickle.count
    let outcome = try PickleMachine.run(
      PickleInput(consume pickle, what: "data.pkl", budget: budget), dialect: .zip)
    guard outcome.byteCount == byteCount else {
      throw FormatError(.malformed, "data.pkl goes on for \(byteCount - outcome.byteCount) bytes after its end")
    }
    budget = outcome.budget
    let count = archive.records.count
    try budget.charge(
      (MemoryLayout<StateDictBuilder.StoredBytes>.stride + 1) * count + 4 * outcome.graph.storages.count)
    let places = records.places(of: outcome.graph)
    var mentioned = [Bool](repeating: false, count: count)
    for place in places where place != .max { mentioned[Int(place)] = true }
    var extras = StateDictExtras()
    for (index, record) in archive.records.enumerated() where !mentioned[index] {
      guard let key = records.storageKey(of: record) else { continue }
      extras.add(
        "data/" + String(decoding: key, as: UTF8.self), "\(record.byteCount) bytes that the pickle does not mention")
    }
    budget.release(archiveCost + count)
    return Contents(
      graph: outcome.graph, stored: archive.records.map(StateDictBuilder.StoredBytes.init), places: places,
      extras: extras, budget: budget)
  }
}

extension StateDictBuilder.StoredBytes {
  fileprivate init(_ record: ZipReader.Record) {
    self.init(offset: record.offset, byteCount: record.byteCount, crc32: record.crc32)
  }
}
