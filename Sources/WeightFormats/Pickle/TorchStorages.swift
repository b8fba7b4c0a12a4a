/// The storages that a pickle refers to: torch names them in persistent ids. Source: torch/serialization.py.
enum TorchStorages {
  private static let keyByteLimit = 256

  /// The storage that a persistent id names.
  static func storage(
    _ identifier: PickleReference, _ dialect: PickleDialect, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    let identifier = heap.value(identifier)
    guard dialect != .plain else { throw heap.error(.forbidden, "a persistent id where none is expected") }
    guard case .tuple(let index) = identifier else {
      if case .unknown = identifier { throw heap.error(.forbidden, "a persistent id that is not known") }
      throw heap.broken("a persistent id that is not a tuple")
    }
    let parts = heap.values(ofTuple: index, limit: 7)
    if heap.purpose == .stateDict, parts.count == 4, heap.isString(parts[0], "module") {
      // torch's legacy format writes the classes of modules with their source code.
      return try heap.makeForeign("a module's class")
    }
    if let kind = parts.first, !heap.isString(kind, "storage") {
      var name = "something else"
      if case .string(let text) = kind { name = String(heap.graph.string(text).prefix(80)).debugDescription }
      throw heap.error(.forbidden, "a persistent id that names \(name) instead of a storage")
    }
    let isComplete = dialect == .any ? (5...6).contains(parts.count) : parts.count == (dialect == .zip ? 5 : 6)
    guard isComplete, case .global(let storageClass) = parts[1],
      case .string(let key) = parts[2], case .string = parts[3], case .integer(let elementCount) = parts[4],
      elementCount >= 0
    else { throw heap.error(.forbidden, "a persistent id that is not (storage, class, key, location, element count)") }
    guard key.byteCount <= keyByteLimit else {
      throw heap.error(.limit, "a storage key of more than \(keyByteLimit) bytes")
    }
    // Torch's keys are numbers. What is not ASCII could be the same key or another, depending on who compares it.
    guard heap.graph.arena.records[key.range].allSatisfy({ $0 < 0x80 }) else {
      throw heap.error(.unsupported, "a storage key that is not ASCII")
    }
    guard heap.purpose == .judgement || !heap.isString(parts[3], "meta") else {
      throw heap.error(.unsupported, "a storage on the device meta, which has no data")
    }
    let elements = heap.graph.elements(ofTuple: index)
    var storage = PickleStorage(
      elementCount: elementCount, key: elements[elements.startIndex + 2], dtype: nil,
      isOnCPU: heap.isString(parts[3], "cpu"))
    switch storageClass {
    case .storageClass(let dtype): storage.dtype = dtype
    case .quantizedStorageClass(let width): storage.quantizedWidth = UInt8(truncatingIfNeeded: width)
    case .untypedStorageClass:
      guard dialect != .legacy else {
        throw heap.error(.unsupported, "an untyped storage in torch's legacy format, which torch itself cannot load")
      }
    default: throw heap.error(.forbidden, "a storage of class \(storageClass.path)")
    }
    try heap.chargeMemory(MemoryLayout<PickleStorage>.stride)
    if parts.count == 6, let view = try view(parts[5], of: storage, in: heap) {
      try heap.chargeMemory(2 * MemoryLayout<PickleStorage.View>.stride)
      heap.graph.views.append(view)
      storage.viewNumber = UInt32(truncatingIfNeeded: heap.graph.views.count)
    }
    heap.graph.storages.append(storage)
    return .storage(heap.graph.storages.count - 1)
  }

  /// The sixth part of a legacy id: None, or `(key, offset, element count)`.
  private static func view(_ part: PickleValue, of storage: PickleStorage, in heap: borrowing PickleHeap)
    throws(FormatError) -> PickleStorage.View?
  {
    if part == .none { return nil }
    guard case .tuple(let index) = part else { throw heap.error(.forbidden, "a storage view that is not a tuple") }
    let elements = heap.graph.elements(ofTuple: index)
    guard elements.count == 3, let first = elements.first, case .string(let key) = heap.value(first),
      key.byteCount <= keyByteLimit, case .integer(let offset) = heap.value(elements[elements.startIndex + 1]),
      case .integer(let elementCount) = heap.value(elements[elements.startIndex + 2]), offset >= 0, elementCount >= 0,
      offset <= storage.elementCount, elementCount <= storage.elementCount - offset
    else { throw heap.error(.malformed, "a storage view that is not (key, offset, element count) inside its storage") }
    return PickleStorage.View(offset: offset, elementCount: elementCount, key: first)
  }
}
