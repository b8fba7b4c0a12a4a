import Tensors

/// Pickles a state dict as `torch.save` does: an OrderedDict of tensors, each a call that rebuilds it from a storage.
///
///     (torch._utils._rebuild_tensor_v2)(
///        persistent ("storage", torch.FloatStorage, "0", "cpu", elements), offset, shape, strides, requires_grad,
///        OrderedDict())
///
/// Dtypes without a storage class of their own use `_rebuild_tensor_v3`, an `UntypedStorage` counted in bytes, and name the
/// dtype in a seventh argument.
struct StateDictPickler {
  /// A pickle, and the storages that it refers to.
  struct Pickled {
    /// None if the pickle was only measured.
    var bytes: [UInt8]
    var byteCount: Int
    /// The storage behind each key: key `i` (in decimal) means storage `storages[i]` of the state dict.
    var storages: [Int]
  }

  private let stateDict: StateDict
  private var writer = PickleWriter()
  private var storages: [Int] = []
  /// By storage: the memo index of its key, and the class that it was written with.
  private var keys: [(memo: UInt32, storageClass: String)?]
  /// By tensor: the memo index of the object.
  private var objects: [UInt32] = []
  /// Whether the pickle is counted and not kept.
  private let isMeasuring: Bool

  private init(_ stateDict: StateDict, isMeasuring: Bool) {
    self.stateDict = stateDict
    self.isMeasuring = isMeasuring
    keys = Array(repeating: nil, count: stateDict.storageSizes.count)
    objects.reserveCapacity(stateDict.tensors.count)
    if !isMeasuring { writer.reserve(stateDict.tensors.count * 160 + 256) }
  }

  /// Pickles `stateDict`, whose indices and ranges must be valid.
  ///
  /// - Throws: `unsupported`, naming the tensor, if torch has no such tensor.
  static func pickle(_ stateDict: StateDict) throws(FormatError) -> Pickled {
    try pickle(stateDict, isMeasuring: false)
  }

  /// The same without the bytes, which are only counted.
  static func measure(_ stateDict: StateDict) throws(FormatError) -> Pickled {
    try pickle(stateDict, isMeasuring: true)
  }

  private static func pickle(_ stateDict: StateDict, isMeasuring: Bool) throws(FormatError) -> Pickled {
    var pickler = StateDictPickler(stateDict, isMeasuring: isMeasuring)
    try pickler.writeAll()
    let byteCount = pickler.writer.byteCount
    if isMeasuring { pickler.writer.giveUp() }
    return Pickled(bytes: pickler.writer.bytes, byteCount: byteCount, storages: pickler.storages)
  }

  private mutating func writeAll() throws(FormatError) {
    writer.emptyOrderedDict()
    for batch in PickleWriter.Batch.orderedDict(stateDict.tensors.count) {
      writer.begin(batch)
      for index in batch.items {
        let tensor = stateDict.tensors[index]
        writer.write(tensor.name)
        objects.append(try write(tensor))
        if isMeasuring { writer.giveUp() }
      }
      writer.end(batch)
    }
    if let metadata = stateDict.metadata { write(metadata) }
    writer.write(.stop)
  }

  /// Writes a tensor or Parameter, and returns the memo index of the object.
  private mutating func write(_ tensor: TensorDescriptor) throws(FormatError) -> UInt32 {
    if let other = tensor.sameObjectAs {
      writer.get(objects[other])
      return objects[other]
    }
    guard tensor.isParameter else { return try writeTensor(tensor, requiresGrad: tensor.requiresGrad) }
    writer.write(global: "torch._utils\n_rebuild_parameter")
    _ = try writeTensor(tensor, requiresGrad: false)
    writer.write(tensor.requiresGrad)
    writer.emptyOrderedDict()
    writer.endTuple(count: 3)
    writer.write(.reduce)
    return writer.put()
  }

  private mutating func writeTensor(_ tensor: TensorDescriptor, requiresGrad: Bool) throws(FormatError) -> UInt32 {
    guard tensor.dtype.existsInTorch, let width = tensor.dtype.byteWidth else {
      throw FormatError(.unsupported, "tensor '\(tensor.name)': torch has no dtype \(tensor.dtype.rawValue)")
    }
    guard let strides = tensor.shape.strides else {
      throw FormatError(.unsupported, "tensor '\(tensor.name)': the strides of shape \(tensor.shape) overflow")
    }
    let storageByteCount = stateDict.storageSizes[tensor.storage]
    guard tensor.byteOffset % width == 0, storageByteCount % width == 0 else {
      throw FormatError(
        .unsupported,
        "tensor '\(tensor.name)': its offset \(tensor.byteOffset) or its storage of \(storageByteCount) bytes is not a "
          + "whole number of \(tensor.dtype.rawValue)")
    }
    let storageClass = tensor.dtype.torchStorageClass
    writer.write(global: storageClass == nil ? "torch._utils\n_rebuild_tensor_v3" : "torch._utils\n_rebuild_tensor_v2")
    writer.write(.mark)
    writer.write(.mark)
    writer.write(interned: "storage")
    writer.write(global: storageClass ?? "torch.storage\nUntypedStorage")
    try writeKey(of: tensor, storageClass: storageClass)
    writer.write(interned: "cpu")
    writer.write(storageClass == nil ? storageByteCount : storageByteCount / width)
    writer.endTuple(count: 5)
    writer.write(.binPersID)
    writer.write(tensor.byteOffset / width)
    writer.write(tuple: tensor.shape.dimensions)
    writer.write(tuple: strides)
    writer.write(requiresGrad)
    writer.emptyOrderedDict()
    if storageClass == nil { writer.write(global: "torch\n\(tensor.dtype.rawValue)") }
    writer.endTuple(count: 7)
    writer.write(.reduce)
    return writer.put()
  }

  /// Writes the key of the tensor's storage: the next number the first time, then a reference.
  private mutating func writeKey(of tensor: TensorDescriptor, storageClass: String?) throws(FormatError) {
    // To torch, an untyped storage is one of bytes.
    let storageClass = storageClass ?? "torch\nByteStorage"
    guard let key = keys[tensor.storage] else {
      keys[tensor.storage] = (writer.newString(String(storages.count)), storageClass)
      storages.append(tensor.storage)
      return
    }
    guard key.storageClass == storageClass else {
      throw FormatError(
        .unsupported,
        "tensor '\(tensor.name)': torch.save does not write storages that tensors of different dtypes share")
    }
    writer.get(key.memo)
  }

  private mutating func write(_ metadata: [StateDict.ModuleMetadata]) {
    writer.emptyDict()
    writer.write(interned: "_metadata")
    writer.emptyOrderedDict()
    for batch in PickleWriter.Batch.orderedDict(metadata.count) {
      writer.begin(batch)
      for module in metadata[batch.items] {
        writer.write(module.path)
        write(module.fields)
        if isMeasuring { writer.giveUp() }
      }
      writer.end(batch)
    }
    writer.write(.setItem)
    writer.write(.build)
  }

  private mutating func write(_ fields: [StateDict.ModuleMetadata.Field]) {
    writer.emptyDict()
    for batch in PickleWriter.Batch.dict(fields.count) {
      writer.begin(batch)
      for field in fields[batch.items] {
        writer.write(interned: field.name)
        writer.write(field.value)
      }
      writer.end(batch)
    }
  }
}

extension Shape {
  /// The contiguous strides; nil if one overflows, which only a tensor without elements can bring about.
  fileprivate var strides: [Int]? {
    var step = 1
    for dimension in dimensions {
      let (next, overflow) = step.multipliedReportingOverflow(by: max(dimension, 1))
      if overflow { return nil }
      step = next
    }
    return contiguousStrides
  }
}
