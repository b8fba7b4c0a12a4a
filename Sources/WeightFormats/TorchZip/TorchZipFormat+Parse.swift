import Tensors

extension TorchZipFormat {
  private static let smallRecordLimit = 4096
  /// Bytes of pickle that are accepted. What is kept of them is bounded by the budget.
  private static let pickleLimit = 1 << 30

  /// Parses a file that `torch.save` wrote as a zip archive: any of its three generations, 1.6 and later.
  ///
  /// The archive's directory and pickle are read and interpreted; nothing is executed, and no tensor data is read.
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    try parse(source, for: .weights)
  }

  package func parseStateDict(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    try parse(source, for: .stateDict)
  }

  /// - Parameter purpose: what is read of the pickle.
  func parse(_ source: any ByteSource, for purpose: PicklePurpose) throws(FormatError) -> WeightFile {
    let contents = try read(source, for: purpose)
    var builder = try StateDictBuilder(
      graph: contents.graph, stored: contents.stored, places: contents.places, fileByteCount: source.byteCount,
      budget: contents.budget)
    builder.extras = contents.extras
    var file = try builder.build()
    file.programs = contents.graph.foreignNames
    return file
  }

  /// What an archive holds, without the archive.
  private struct Contents {
    var graph: PickleGraph
    var stored: [StateDictStorages.Stored]
    var places: [UInt32]
    var extras: StateDictExtras
    var budget: MemoryBudget
  }

  /// Reads the archive's directory and pickle. The directory is given up on return.
  private func read(_ source: any ByteSource, for purpose: PicklePurpose) throws(FormatError) -> Contents {
    var budget = MemoryBudget(MemoryBudget.torchLimit)
    let archive = try ZipReader(source, budget: &budget, inspect: TorchArchive.inspect)
    let records = try TorchArchive(archive, budget: &budget)
    let archiveCost = MemoryBudget.torchLimit - budget.available
    try records.checkSmallRecords(limit: TorchZipFormat.smallRecordLimit)
    try archive.check(records.pickle, limit: TorchZipFormat.pickleLimit)
    let byteCount = records.pickle.byteCount
    let stream = SourceStream(source, at: records.pickle.offset, count: byteCount)
    let outcome = try PickleMachine.run(
      PickleInput(stream, what: "data.pkl", byteCountLimit: byteCount), dialect: .zip, purpose: purpose, budget: &budget
    )
    guard outcome.byteCount == byteCount else {
      throw FormatError(.malformed, "data.pkl goes on for \(byteCount - outcome.byteCount) bytes after its end")
    }
    let count = archive.records.count
    try budget.charge(
      (MemoryLayout<StateDictStorages.Stored>.stride + 1) * count + 4 * outcome.graph.storages.count)
    let places = records.places(of: outcome.graph)
    var mentioned = [Bool](repeating: false, count: count)
    for place in places where place != .max { mentioned[Int(place)] = true }
    var extras = StateDictExtras()
    for name in outcome.graph.foreignNames { extras.add(name, "a program, left out") }
    for (index, record) in archive.records.enumerated() where !mentioned[index] {
      guard let key = records.storageKey(of: record) else { continue }
      extras.add(
        "data/" + String(decoding: key, as: UTF8.self), "\(record.byteCount) bytes that the pickle does not mention")
    }
    budget.release(archiveCost + count)
    return Contents(
      graph: outcome.graph, stored: archive.records.map(StateDictStorages.Stored.init), places: places,
      extras: extras, budget: budget)
  }
}

extension StateDictStorages.Stored {
  fileprivate init(_ record: ZipReader.Record) {
    self.init(offset: record.offset, byteCount: record.byteCount, crc32: record.crc32)
  }
}
