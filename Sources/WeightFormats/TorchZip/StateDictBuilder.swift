import Tensors

/// Turns what a pickle describes into a weight file. Shared by torch's formats.
///
/// A dictionary that wraps the state dict (`{"state_dict": ..., "epoch": 3}`) is unwrapped; containers inside the state dict
/// give their tensors dotted names; whatever is not a tensor of the state dict gets a line in `extras`.
struct StateDictBuilder {
  /// Where the bytes of a storage are in the file.
  struct StoredBytes {
    var offset: Int
    var byteCount: Int
    /// What an archive states about them.
    var crc32: UInt32?
  }

  /// Keys under which programs keep the state dict of a model.
  static let wrapperKeys = [
    "state_dict", "model_state_dict", "model_state", "model", "module", "params", "params_ema",
  ]
  static let nameByteLimit = 1 << 20

  let graph: PickleGraph
  let reach: StateDictReach
  /// The storages that the file holds.
  let stored: [StoredBytes]
  /// By storage of the graph: its index in `stored`.
  let places: [UInt32]
  /// What may still be spent on the description.
  var budget: MemoryBudget
  /// Bytes that may still be gathered from strided tensors.
  var gatherBudget: Int

  var tensors: [TensorDescriptor] = []
  var storageSizes: [Int] = []
  var sources: [WeightFile.StorageSource] = []
  var checksums: [UInt32?] = []
  var recordChecksums: [WeightFile.RecordChecksum] = []
  /// By index in `stored`: the index in `storageSizes` plus one, if it was listed.
  var listedStorages: [UInt32]
  /// By index in `stored`: whether `recordChecksums` has it.
  var listedRecords: [Bool]
  var listedGathers: [WeightFile.StridedSource: Int] = [:]
  /// By tensor of the graph: its index in `tensors` plus one, if it was met.
  var listedTensors: [UInt32]
  var names = NumberTable()
  var shapes = ShapePool()
  var extras = StateDictExtras()
  /// Whether torch would write the file of the state dict alone. Storages on other devices than the CPU are not plain: without
  /// a `map_location`, torch loads them only where there is such a device.
  var isPlain = true

  /// - Parameters:
  ///   - stored: the storages that the file holds.
  ///   - places: for each storage of the graph, its index in `stored`; `UInt32.max` if the file does not hold it.
  ///   - fileByteCount: the file's size, which bounds what is gathered from strided tensors.
  init(
    graph: PickleGraph, stored: [StoredBytes], places: [UInt32], fileByteCount: Int, budget: MemoryBudget
  ) throws(FormatError) {
    self.budget = budget
    self.graph = graph
    isPlain = graph.isTorch
    try self.budget.charge(6 * stored.count + 4 * graph.tensors.count)
    reach = try StateDictReach(graph, &self.budget)
    self.stored = stored
    self.places = places
    listedStorages = [UInt32](repeating: 0, count: stored.count)
    listedRecords = [Bool](repeating: false, count: stored.count)
    listedTensors = [UInt32](repeating: 0, count: graph.tensors.count)
    // A strided tensor is written out in full, so that an expanded one could take any size.
    gatherBudget = min(fileByteCount, 1 << 56) * 4 + (16 << 20)
  }

  /// Builds the file's description.
  ///
  /// - Throws: `unsupported` if the file holds no tensors, `malformed` or `limit` with the name of the tensor.
  mutating func build() throws(FormatError) -> WeightFile {
    try checkStorages()
    let (root, path) = stateDictRoot()
    if !path.isEmpty { isPlain = false }
    try flatten(root)
    guard !tensors.isEmpty else {
      throw FormatError(.unsupported, "the file holds no tensors by name: it is \(describe(graph.root))")
    }
    // What is not kept must still be right, or torch would not load the file.
    for (index, tensor) in graph.tensors.enumerated() where listedTensors[index] == 0 {
      try byteOffset(of: tensor, name: nil)
    }
    var container = StateDict.Container.dict
    var metadata: [StateDict.ModuleMetadata]?
    if case .dictionary(let index)? = root.container {
      switch graph.dictionaries[index].kind {
      case .dict: break
      case .orderedDict: container = .orderedDict
      default: isPlain = false
      }
      metadata = try moduleMetadata(of: index)
    } else {
      isPlain = false
    }
    var file = WeightFile(
      stateDict: StateDict(container: container, tensors: tensors, storageSizes: storageSizes, metadata: metadata),
      storages: sources, isPlain: isPlain && extras.isEmpty, extras: extras.lines)
    file.expectedCRC32 = checksums
    file.recordChecksums = recordChecksums
    return file
  }

  /// Pays for a name that is about to be made of `byteCount` bytes.
  mutating func chargeName(_ byteCount: Int) throws(FormatError) {
    guard byteCount <= StateDictBuilder.nameByteLimit else {
      throw FormatError(
        .limit, "a name has \(byteCount) bytes, more than the \(StateDictBuilder.nameByteLimit) accepted")
    }
    try budget.charge(MemoryBudget.string(byteCount))
  }

  /// Checks that each storage is there, as large as the pickle says, and said to be the same everywhere.
  private mutating func checkStorages() throws(FormatError) {
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
}
