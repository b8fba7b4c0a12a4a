/// The storages of a weight file that is described: those that the file holds and tensors view, and those that are gathered from
/// strided tensors.
struct StateDictStorages {
  /// Where the bytes of a storage are in the file.
  struct Stored {
    var offset: Int
    var byteCount: Int
    /// What an archive states about them.
    var crc32: UInt32?
  }

  /// The storages that the file holds.
  private let stored: [Stored]
  /// By storage of the graph: its index in `stored`.
  private let places: [UInt32]
  /// Bytes that may still be gathered from strided tensors.
  private var gatherBudget: Int

  /// Of the storages that are listed: their sizes in bytes, where their bytes come from, and what the file states of them.
  private(set) var sizes: [Int] = []
  private(set) var sources: [WeightFile.StorageSource] = []
  private(set) var checksums: [UInt32?] = []
  /// What the file states of the records that strided tensors are gathered from.
  private(set) var recordChecksums: [WeightFile.RecordChecksum] = []

  /// By index in `stored`: the index in `sizes` plus one, if it is listed.
  private var listed: [UInt32]
  /// By index in `stored`: whether `recordChecksums` has it.
  private var listedRecords: [Bool]
  private var listedGathers: [WeightFile.StridedSource: Int] = [:]

  /// - Parameters:
  ///   - stored: the storages that the file holds.
  ///   - places: for each storage of the graph, its index in `stored`; `UInt32.max` if the file does not hold it.
  ///   - fileByteCount: the file's size, which bounds what is gathered from strided tensors.
  init(
    _ stored: [Stored], places: [UInt32], fileByteCount: Int, _ budget: inout MemoryBudget
  ) throws(FormatError) {
    try budget.charge(6 * stored.count)
    self.stored = stored
    self.places = places
    listed = [UInt32](repeating: 0, count: stored.count)
    listedRecords = [Bool](repeating: false, count: stored.count)
    // A strided tensor is written out in full, so that an expanded one could take any size.
    gatherBudget = min(fileByteCount, 1 << 56) * 4 + (16 << 20)
  }

  /// Checks that each storage of a graph is there, as large as the pickle says, and said to be the same everywhere.
  func check(_ graph: PickleGraph, _ budget: inout MemoryBudget) throws(FormatError) {
    let cost = 4 * stored.count
    try budget.charge(cost)
    // By index in `stored`: the first storage of the graph that stands for it, plus one.
    var known = [UInt32](repeating: 0, count: stored.count)
    for (index, storage) in graph.storages.enumerated() {
      guard let place = Int(exactly: places[index]), place < stored.count else {
        throw FormatError(.malformed, "the file has no storage \(graph.keyString(of: storage).debugDescription)")
      }
      // How many bytes quantized numbers take is torch's business; no tensor is served from them.
      if storage.isQuantized { continue }
      let (byteCount, overflow) = storage.elementCount.multipliedReportingOverflow(by: storage.elementByteCount)
      if known[place] > 0 {
        let earlier = graph.storages[Int(known[place]) - 1]
        // An untyped storage and one of single bytes can be the same one, seen by tensors of two dtypes.
        guard earlier.elementCount == storage.elementCount, earlier.elementByteCount == storage.elementByteCount,
          earlier.dtype == storage.dtype || earlier.dtype == nil || storage.dtype == nil
        else { throw FormatError(.malformed, "storage \(graph.keyString(of: storage)) is described in two ways") }
        continue
      }
      known[place] = UInt32(truncatingIfNeeded: index + 1)
      guard !overflow, stored[place].byteCount == byteCount else {
        throw FormatError(
          .malformed,
          "storage \(graph.keyString(of: storage)) has \(stored[place].byteCount) bytes, but the pickle says "
            + "\(storage.elementCount) elements of \(storage.elementByteCount) bytes")
      }
    }
    budget.release(cost)
  }

  // MARK: Listing, once the storages were checked

  /// Bytes that the description of one storage takes.
  private static let cost = MemoryLayout<WeightFile.StorageSource>.stride + 16

  /// Where a storage of the graph begins in the file.
  func fileOffset(of storage: Int) -> Int { stored[Int(places[storage])].offset }

  /// The index of a storage of the graph, which is listed with the first contiguous tensor that views it.
  mutating func listStored(_ storage: Int, _ budget: inout MemoryBudget) throws(FormatError) -> Int {
    let place = Int(places[storage])
    if listed[place] > 0 { return Int(listed[place]) - 1 }
    let bytes = stored[place]
    let index = try list(
      .range(offset: bytes.offset, byteCount: bytes.byteCount), byteCount: bytes.byteCount, crc32: bytes.crc32, &budget)
    listed[place] = UInt32(truncatingIfNeeded: index + 1)
    return index
  }

  /// The index of a storage without bytes.
  mutating func listEmpty(at offset: Int, _ budget: inout MemoryBudget) throws(FormatError) -> Int {
    try list(.range(offset: offset, byteCount: 0), byteCount: 0, crc32: nil, &budget)
  }

  /// The index of a storage gathered from `source`; tensors that look at the same elements share it.
  mutating func listGathered(
    _ source: WeightFile.StridedSource, byteCount: Int, name: String, _ budget: inout MemoryBudget
  ) throws(FormatError) -> Int {
    if let index = listedGathers[source] { return index }
    guard byteCount <= gatherBudget else {
      throw FormatError(
        .limit,
        "tensor \(name.printable) repeats its elements: it would take \(byteCount) bytes written out, "
          + "beyond four times the file's size")
    }
    gatherBudget -= byteCount
    try budget.charge(
      4 * MemoryLayout<WeightFile.StridedSource>.stride + MemoryBudget.allocation
        + 2 * (MemoryBudget.allocation + 8 * source.dimensions.count))
    let index = try list(.strided(source), byteCount: byteCount, crc32: nil, &budget)
    listedGathers[source] = index
    return index
  }

  private mutating func list(
    _ source: WeightFile.StorageSource, byteCount: Int, crc32: UInt32?, _ budget: inout MemoryBudget
  ) throws(FormatError) -> Int {
    try budget.charge(Self.cost)
    sizes.append(byteCount)
    sources.append(source)
    checksums.append(crc32)
    return sizes.count - 1
  }

  /// Lists what the file states of the record that a strided tensor is gathered from.
  mutating func listRecord(of storage: Int, _ budget: inout MemoryBudget) throws(FormatError) {
    let place = Int(places[storage])
    guard let crc32 = stored[place].crc32, !listedRecords[place] else { return }
    listedRecords[place] = true
    try budget.charge(2 * MemoryLayout<WeightFile.RecordChecksum>.stride)
    let offset = stored[place].offset
    recordChecksums.append(
      WeightFile.RecordChecksum(range: offset..<offset + stored[place].byteCount, crc32: crc32))
  }
}
