import Tensors

extension PickleMachine {
  private static let keyByteLimit = 256

  /// BINPERSID: replaces a persistent id by the storage that it names.
  mutating func pushStorage() throws(FormatError) {
    let identifier = value(try pop())
    guard dialect != .plain else { throw error(.forbidden, "a persistent id where none is expected") }
    guard case .tuple(let index) = identifier else {
      if case .unknown = identifier { throw error(.forbidden, "a persistent id that is not known") }
      throw broken("a persistent id that is not a tuple")
    }
    let parts = values(ofTuple: index, limit: 7)
    if purpose == .stateDict, parts.count == 4, isString(parts[0], "module") {
      // torch's legacy format writes the classes of modules with their source code.
      return try push(try foreign("a module's class"))
    }
    if let kind = parts.first, !isString(kind, "storage") {
      var name = "something else"
      if case .string(let text) = kind { name = String(string(text).prefix(80)).debugDescription }
      throw error(.forbidden, "a persistent id that names \(name) instead of a storage")
    }
    let isComplete = dialect == .any ? (5...6).contains(parts.count) : parts.count == (dialect == .zip ? 5 : 6)
    guard isComplete, case .global(let storageClass) = parts[1],
      case .string(let key) = parts[2], case .string = parts[3], case .integer(let elementCount) = parts[4],
      elementCount >= 0
    else { throw error(.forbidden, "a persistent id that is not (storage, class, key, location, element count)") }
    guard key.byteCount <= PickleMachine.keyByteLimit else {
      throw error(.limit, "a storage key of more than \(PickleMachine.keyByteLimit) bytes")
    }
    // Torch's keys are numbers. What is not ASCII could be the same key or another, depending on who compares it.
    guard arena.records[key.range].allSatisfy({ $0 < 0x80 }) else {
      throw error(.unsupported, "a storage key that is not ASCII")
    }
    guard purpose == .judgement || !isString(parts[3], "meta") else {
      throw error(.unsupported, "a storage on the device meta, which has no data")
    }
    let elements = graph.elements(ofTuple: index)
    var storage = PickleStorage(
      elementCount: elementCount, key: elements[elements.startIndex + 2], dtype: nil,
      isOnCPU: isString(parts[3], "cpu"))
    switch storageClass {
    case .storageClass(let dtype): storage.dtype = dtype
    case .quantizedStorageClass(let width): storage.quantizedWidth = UInt8(truncatingIfNeeded: width)
    case .untypedStorageClass:
      guard dialect != .legacy else {
        throw error(.unsupported, "an untyped storage in torch's legacy format, which torch itself cannot load")
      }
    default: throw error(.forbidden, "a storage of class \(storageClass.path)")
    }
    try input.budget.charge(MemoryLayout<PickleStorage>.stride)
    if parts.count == 6, let view = try view(parts[5], of: storage) {
      try input.budget.charge(2 * MemoryLayout<PickleStorage.View>.stride)
      graph.views.append(view)
      storage.viewNumber = UInt32(truncatingIfNeeded: graph.views.count)
    }
    graph.storages.append(storage)
    try push(.storage(graph.storages.count - 1))
  }

  /// The sixth part of a legacy id: None, or `(key, offset, element count)`.
  private func view(_ part: PickleValue, of storage: PickleStorage) throws(FormatError) -> PickleStorage.View? {
    if part == .none { return nil }
    guard case .tuple(let index) = part else { throw error(.forbidden, "a storage view that is not a tuple") }
    let elements = graph.elements(ofTuple: index)
    guard elements.count == 3, let first = elements.first, case .string(let key) = value(first),
      key.byteCount <= PickleMachine.keyByteLimit, case .integer(let offset) = value(elements[elements.startIndex + 1]),
      case .integer(let elementCount) = value(elements[elements.startIndex + 2]), offset >= 0, elementCount >= 0,
      offset <= storage.elementCount, elementCount <= storage.elementCount - offset
    else { throw error(.malformed, "a storage view that is not (key, offset, element count) inside its storage") }
    return PickleStorage.View(offset: offset, elementCount: elementCount, key: first)
  }
}
