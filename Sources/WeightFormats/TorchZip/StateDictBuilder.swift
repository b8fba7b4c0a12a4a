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
  static let nameByteLimit = 65_535
  /// Bytes of all names: what the header of a safetensors file can hold.
  static let namesByteLimit = 100_000_000

  let graph: PickleGraph
  let reach: StateDictReach
  /// By key.
  let stored: [String: StoredBytes]
  /// Bytes that may still be gathered from strided tensors.
  var gatherBudget: Int

  var tensors: [TensorDescriptor] = []
  var storageSizes: [Int] = []
  var sources: [WeightFile.StorageSource] = []
  var checksums: [UInt32?] = []
  /// Index in `storageSizes` of a storage that was listed, by its key.
  var listedStorages: [String: Int] = [:]
  var listedGathers: [WeightFile.StridedSource: Int] = [:]
  /// Index in `tensors` of each tensor of the graph that was met.
  var listedTensors: [Int: Int] = [:]
  var names: Set<String> = []
  var namesByteCount = 0
  var extras = StateDictExtras()
  /// Whether torch would write the file of the state dict alone. Storages on other devices than the CPU are not plain: without
  /// a `map_location`, torch loads them only where there is such a device.
  var isPlain = true

  /// - Parameters:
  ///   - stored: the storages that the file holds, by key.
  ///   - fileByteCount: the file's size, which bounds what is gathered from strided tensors.
  init(graph: PickleGraph, stored: [String: StoredBytes], fileByteCount: Int) {
    self.graph = graph
    reach = StateDictReach(graph)
    self.stored = stored
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
    for (index, tensor) in graph.tensors.enumerated() where listedTensors[index] == nil {
      try byteOffset(of: tensor, name: nil)
    }
    var container = StateDict.Container.dict
    var metadata: [StateDict.ModuleMetadata]?
    if case .dictionary(let index) = root {
      if graph.dictionaries[index].kind == .orderedDict { container = .orderedDict }
      if graph.dictionaries[index].kind == .counter { isPlain = false }
      metadata = try moduleMetadata(of: index)
    } else {
      isPlain = false
    }
    var file = WeightFile(
      stateDict: StateDict(container: container, tensors: tensors, storageSizes: storageSizes, metadata: metadata),
      storages: sources, isPlain: isPlain && extras.isEmpty, extras: extras.lines)
    file.expectedCRC32 = checksums
    return file
  }

  /// Counts a name that is about to be made of `byteCount` bytes.
  mutating func chargeName(_ byteCount: Int) throws(FormatError) {
    guard byteCount <= StateDictBuilder.nameByteLimit else {
      throw FormatError(
        .limit, "a name has \(byteCount) bytes, more than the \(StateDictBuilder.nameByteLimit) accepted")
    }
    namesByteCount += byteCount
    guard namesByteCount <= StateDictBuilder.namesByteLimit else {
      throw FormatError(.limit, "the names have more than \(StateDictBuilder.namesByteLimit) bytes in all")
    }
  }

  /// Checks that each storage is there, as large as the pickle says, and said to be the same everywhere.
  private func checkStorages() throws(FormatError) {
    var known: [String: PickleStorage] = [:]
    for storage in graph.storages {
      let key = graph.string(storage.key)
      let (byteCount, overflow) = storage.elementCount.multipliedReportingOverflow(by: storage.elementByteCount)
      if let earlier = known[key] {
        // An untyped storage and one of single bytes can be the same one, seen by tensors of two dtypes.
        guard earlier.elementCount == storage.elementCount, earlier.elementByteCount == storage.elementByteCount,
          earlier.dtype == storage.dtype || earlier.dtype == nil || storage.dtype == nil
        else { throw FormatError(.malformed, "storage \(key) is described in two ways") }
        continue
      }
      known[key] = storage
      guard let bytes = stored[key] else {
        throw FormatError(.malformed, "the file has no storage \(key.debugDescription)")
      }
      guard !overflow, bytes.byteCount == byteCount else {
        throw FormatError(
          .malformed,
          "storage \(key) has \(bytes.byteCount) bytes, but the pickle says \(storage.elementCount) elements of "
            + "\(storage.elementByteCount) bytes")
      }
    }
  }
}
