import Tensors

/// Turns what a pickle describes into a weight file. Shared by torch's formats.
///
/// A dictionary that wraps the state dict (`{"state_dict": ..., "epoch": 3}`) is unwrapped; containers inside the state dict
/// give their tensors dotted names; whatever is not a tensor of the state dict gets a line in `extras`.
struct StateDictBuilder {
  let graph: PickleGraph
  let reach: StateDictReach
  /// What may still be spent on the description.
  var budget: MemoryBudget

  var tensors: [TensorDescriptor] = []
  var storages: StateDictStorages
  /// By tensor of the graph: its index in `tensors` plus one, if it was met.
  var listedTensors: [UInt32]
  var names = NumberTable()
  var shapes = ShapePool()
  var extras = StateDictExtras()
  /// Whether torch would write the file of the state dict alone. Storages on other devices than the CPU are not plain: without
  /// a `map_location`, torch loads them only where there is such a device.
  var isPlain = true

  /// - Parameters:
  ///   - graph: what the file's pickle describes.
  ///   - stored, places, fileByteCount: as for ``StateDictStorages``.
  init(
    graph: PickleGraph, stored: [StateDictStorages.Stored], places: [UInt32], fileByteCount: Int, budget: MemoryBudget
  ) throws(FormatError) {
    self.budget = budget
    self.graph = graph
    isPlain = graph.isTorch
    storages = try StateDictStorages(stored, places: places, fileByteCount: fileByteCount, &self.budget)
    try self.budget.charge(4 * graph.tensors.count)
    reach = try StateDictReach(graph, &self.budget)
    listedTensors = [UInt32](repeating: 0, count: graph.tensors.count)
  }

  /// Builds the file's description.
  ///
  /// - Throws: `unsupported` if the file holds no tensors, `malformed` or `limit` with the name of the tensor.
  mutating func build() throws(FormatError) -> WeightFile {
    try storages.check(graph, &budget)
    let root = StateDictRoot(of: graph, reach, &extras)
    if root.isWrapped { isPlain = false }
    try flatten(root.value)
    guard !tensors.isEmpty else {
      throw FormatError(.unsupported, "the file holds no tensors by name: it is \(graph.describe(graph.root))")
    }
    // What is not kept must still be right, or torch would not load the file.
    for (index, tensor) in graph.tensors.enumerated() where listedTensors[index] == 0 {
      try graph.byteOffset(of: tensor, name: "beside the state dict")
    }
    var container = StateDict.Container.dict
    var metadata: [StateDict.ModuleMetadata]?
    if case .dictionary(let index)? = root.value.container {
      switch graph.dictionaries[index].kind {
      case .dict: break
      case .orderedDict: container = .orderedDict
      default: isPlain = false
      }
      let attributes = try StateDictMetadata(ofDictionary: index, in: graph, &extras, &budget)
      metadata = attributes.modules
      if !attributes.isPlain { isPlain = false }
    } else {
      isPlain = false
    }
    var file = WeightFile(
      stateDict: StateDict(container: container, tensors: tensors, storageSizes: storages.sizes, metadata: metadata),
      storages: storages.sources, isPlain: isPlain && extras.isEmpty, extras: extras.lines)
    file.expectedCRC32 = storages.checksums
    file.recordChecksums = storages.recordChecksums
    return file
  }
}
