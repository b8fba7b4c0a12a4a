/// What calls of numpy make, and what states do to it: arrays, scalars and dtypes. Sources: numpy/_core/src/multiarray/descriptor.c
/// (`arraydescr_reduce`, `arraydescr_setstate`), methods.c (`array_reduce`, `array_setstate`), numpy/_core/numeric.py (`_frombuffer`).
///
/// Only types without objects are read: an object in an array would be whatever its pickle makes of it.
enum NumpyCalls {
  // MARK: Types

  /// `numpy.dtype('f8', False, True)`.
  static func type(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError) -> PickleReference {
    guard arguments.count == 3, case .string(let text) = arguments[0], text.byteCount <= 16, isFlag(arguments[1]),
      isFlag(arguments[2]), arguments[2] != .boolean(false), arguments[2] != .integer(0)
    else { throw heap.error(.forbidden, "a call of numpy.dtype with arguments that numpy does not write") }
    guard let type = NumpyType(code: heap.graph.arena.records[text.range]) else {
      throw heap.error(
        .forbidden, "the numpy dtype \(heap.graph.string(text).debugDescription), which is not known for data")
    }
    try heap.chargeMemory(2 * MemoryLayout<NumpyType>.stride)
    heap.graph.numpyTypes.append(type)
    return .numpyType(heap.graph.numpyTypes.count - 1)
  }

  private static func isFlag(_ value: PickleValue) -> Bool {
    switch value {
    case .boolean, .integer(0), .integer(1): true
    default: false
    }
  }

  /// The state of a dtype: `(version, byte order, base, names, fields, size, alignment, flags[, metadata])`.
  static func setState(_ state: PickleValue, ofType index: Int, in heap: inout PickleHeap) throws(FormatError) {
    guard case .tuple(let tuple) = state else { throw unknownState(in: heap) }
    let parts = heap.values(ofTuple: tuple, limit: 10)
    guard (8...9).contains(parts.count), parts[0] == .integer(3) || parts[0] == .integer(4),
      case .string(let order) = parts[1], order.byteCount == 1, case .integer(let size) = parts[5],
      case .integer(let alignment) = parts[6], [-1, 1, 2, 4, 8, 16].contains(alignment),
      case .integer(let flags) = parts[7], flags >= 0, flags & ~0x98 == 0
    else { throw unknownState(in: heap) }
    var type = heap.graph.numpyTypes[index]
    switch heap.graph.arena.records[order.range.lowerBound] {
    case UInt8(ascii: ">"): type.isBigEndian = true
    case UInt8(ascii: "<"), UInt8(ascii: "|"), UInt8(ascii: "="): type.isBigEndian = false
    default: throw unknownState(in: heap)
    }
    guard size == -1 || size == type.byteCount else { throw unknownState(in: heap) }
    if parts.count == 9 { try checkUnit(parts[8], of: type, in: heap) }
    switch (parts[2], parts[3], parts[4]) {
    case (PickleValue.none, PickleValue.none, PickleValue.none): break
    case (.tuple(let base), PickleValue.none, PickleValue.none) where type.kind == UInt8(ascii: "V"):
      try checkBase(heap.values(ofTuple: base, limit: 3), of: type, in: heap)
      type.isStructured = true
    case (PickleValue.none, .tuple(let names), .dictionary(let fields)) where type.kind == UInt8(ascii: "V"):
      try checkFields(names, fields, of: type, in: heap)
      type.isStructured = true
    default: throw unknownState(in: heap)
    }
    heap.graph.numpyTypes[index] = type
  }

  private static func unknownState(in heap: borrowing PickleHeap) -> FormatError {
    heap.error(.forbidden, "a state of numpy.dtype that numpy does not write")
  }

  /// The unit of a time: `(None or {}, (b'ns', 1, 1, 1))`.
  private static func checkUnit(_ metadata: PickleValue, of type: NumpyType, in heap: borrowing PickleHeap)
    throws(FormatError)
  {
    if metadata == .none { return }
    guard case .tuple(let tuple) = metadata, type.kind == UInt8(ascii: "M") || type.kind == UInt8(ascii: "m") else {
      throw unknownState(in: heap)
    }
    let parts = heap.values(ofTuple: tuple, limit: 3)
    guard parts.count == 2, case .tuple(let unit) = parts[1] else { throw unknownState(in: heap) }
    switch parts[0] {
    case .none: break
    case .dictionary(let index) where heap.graph.dictionaries[index].isEmpty: break
    default: throw unknownState(in: heap)
    }
    for part in heap.values(ofTuple: unit, limit: 5) {
      switch part {
      case .bytes, .string, .integer: continue
      default: throw unknownState(in: heap)
      }
    }
  }

  /// The type of the elements of a sub-array, and their number: `(dtype, shape)`.
  private static func checkBase(_ parts: [PickleValue], of type: NumpyType, in heap: borrowing PickleHeap)
    throws(FormatError)
  {
    guard parts.count == 2, case .numpyType(let base) = parts[0] else { throw unknownState(in: heap) }
    var count = heap.graph.numpyTypes[base].byteCount
    switch parts[1] {
    case .integer(let length) where length >= 0: count = try product(count, length, in: heap)
    case .tuple(let shape):
      guard let lengths = heap.graph.integers(ofTuple: shape), lengths.allSatisfy({ $0 >= 0 }) else {
        throw unknownState(in: heap)
      }
      for length in lengths { count = try product(count, length, in: heap) }
    default: throw unknownState(in: heap)
    }
    guard count == type.byteCount else { throw unknownState(in: heap) }
  }

  /// The fields of a structure: `{name: (dtype, offset)}`.
  private static func checkFields(_ names: Int, _ fields: Int, of type: NumpyType, in heap: borrowing PickleHeap)
    throws(FormatError)
  {
    let dictionary = heap.graph.dictionaries[fields]
    guard !dictionary.isCut, dictionary.count >= heap.graph.elements(ofTuple: names).count else {
      throw unknownState(in: heap)
    }
    for name in heap.graph.elements(ofTuple: names) {
      guard case .string = heap.value(name) else { throw unknownState(in: heap) }
    }
    for position in stride(from: 0, to: dictionary.items.count - 1, by: 2) {
      guard case .string = heap.value(dictionary.items[position]),
        case .tuple(let tuple) = heap.value(dictionary.items[position + 1])
      else { throw unknownState(in: heap) }
      let parts = heap.values(ofTuple: tuple, limit: 4)
      guard (2...3).contains(parts.count), case .numpyType(let field) = parts[0], case .integer(let offset) = parts[1],
        offset >= 0, offset <= type.byteCount, heap.graph.numpyTypes[field].byteCount <= type.byteCount - offset
      else { throw unknownState(in: heap) }
      if parts.count == 3 { guard case .string = parts[2] else { throw unknownState(in: heap) } }
    }
  }

  private static func product(_ a: Int, _ b: Int, in heap: borrowing PickleHeap) throws(FormatError) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    guard !overflow else { throw heap.error(.malformed, "a numpy array larger than any memory") }
    return product
  }

  // MARK: Arrays

  /// Bytes of an array of a type that has a tuple of lengths for its shape.
  static func byteCount(
    ofType type: Int, shape: Int, in heap: borrowing PickleHeap
  ) throws(FormatError) -> Int {
    var count = heap.graph.numpyTypes[type].byteCount
    for length in heap.graph.integers(ofTuple: shape) ?? [] { count = try product(count, length, in: heap) }
    return count
  }

  private static func makeArray(_ array: PickleArray, in heap: inout PickleHeap) throws(FormatError) -> PickleReference
  {
    try heap.chargeMemory(2 * MemoryLayout<PickleArray>.stride)
    heap.graph.arrays.append(array)
    return .array(heap.graph.arrays.count - 1)
  }

  /// `_reconstruct(numpy.ndarray, (0,), b'b')`: an array that gets its state by BUILD.
  static func emptyArray(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    guard arguments.count == 3, arguments[0] == .global(.numpyArrayClass), case .tuple(let shape) = arguments[1],
      heap.graph.integers(ofTuple: shape) == [0]
    else { throw heap.error(.forbidden, "a numpy array of a class that is not known for data") }
    switch arguments[2] {
    case .bytes(let bytes) where bytes.only == UInt8(ascii: "b"): break
    // Python 2's bytes are texts to Python 3.
    case let text where heap.isString(text, "b"): break
    default: throw heap.error(.forbidden, "a numpy array that is made in a way in which numpy makes none")
    }
    // Until it has a state, it holds no bytes.
    guard let type = NumpyType(code: Array("i1".utf8)) else { throw unknownState(in: heap) }
    heap.graph.numpyTypes.append(type)
    return try makeArray(PickleArray(type: heap.graph.numpyTypes.count - 1, shape: shape), in: &heap)
  }

  /// The state of an array: `(version, shape, dtype, isFortran, bytes)`.
  static func setState(_ state: PickleValue, ofArray index: Int, in heap: inout PickleHeap) throws(FormatError) {
    guard case .tuple(let tuple) = state else { throw heap.error(.forbidden, "a numpy array's state that is no tuple") }
    let parts = heap.values(ofTuple: tuple, limit: 6)
    guard parts.count == 5, parts[0] == .integer(1), isFlag(parts[3]) else {
      throw heap.error(.forbidden, "a numpy array's state that numpy does not write")
    }
    let isFortran = parts[3] == .boolean(true) || parts[3] == .integer(1)
    heap.graph.arrays[index] = try array(
      shape: parts[1], type: parts[2], isFortran: isFortran, data: parts[4], in: heap)
  }

  /// `_frombuffer(bytes, dtype, shape, 'C' or 'F')`: how protocol 5 writes arrays.
  static func arrayOfBuffer(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    guard arguments.count == 4, heap.isString(arguments[3], "C") || heap.isString(arguments[3], "F") else {
      throw heap.error(.forbidden, "a numpy array made of a buffer in an unknown way")
    }
    return try makeArray(
      try array(
        shape: arguments[2], type: arguments[1], isFortran: heap.isString(arguments[3], "F"), data: arguments[0],
        in: heap), in: &heap)
  }

  private static func array(
    shape: PickleValue, type: PickleValue, isFortran: Bool, data: PickleValue, in heap: borrowing PickleHeap
  ) throws(FormatError) -> PickleArray {
    guard let shape = try heap.dimensions(shape), case .numpyType(let type) = type else {
      throw heap.error(.forbidden, "a numpy array without a shape or a dtype that is known for data")
    }
    let count = try byteCount(ofType: type, shape: shape, in: heap)
    let bytes: PickleBytes
    switch data {
    case .bytes(let found), .bytearray(let found): bytes = found
    // What is not kept of a judged pickle is bytes, or numpy raises an error.
    case .unknown where heap.purpose == .judgement, .string where heap.purpose == .judgement:
      bytes = PickleBytes(count: count, fileByteCount: 0, isLatin1Text: false)
    default: throw heap.error(.forbidden, "a numpy array whose data is not bytes: an array of objects")
    }
    guard bytes.count == count else {
      throw heap.error(.malformed, "a numpy array of \(count) bytes that is given \(bytes.count)")
    }
    return PickleArray(type: type, shape: shape, isFortran: isFortran, bytes: bytes)
  }

  /// `scalar(dtype, bytes)`.
  static func scalar(_ arguments: [PickleValue], _ tuple: Int, in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    guard arguments.count == 2, case .numpyType(let type) = arguments[0] else {
      throw heap.error(.forbidden, "a numpy scalar of a type that is not known for data")
    }
    switch arguments[1] {
    case .bytes(let bytes) where bytes.count == heap.graph.numpyTypes[type].byteCount: break
    case .unknown where heap.purpose == .judgement, .string where heap.purpose == .judgement: break
    default: throw heap.error(.forbidden, "a numpy scalar that is not made of its bytes")
    }
    return try heap.makeObject(of: .numpyScalar, tuple)
  }

  // MARK: Generators

  /// numpy believes what a state says of positions in its buffers.
  static func checkGeneratorState(_ state: PickleValue, in heap: borrowing PickleHeap) throws(FormatError) {
    var pending = [state]
    var seen = 0
    while let next = pending.popLast() {
      seen += 1
      guard seen < 64 else { throw heap.error(.limit, "a generator's state of too many parts") }
      switch next {
      case .tuple(let index): pending += heap.values(ofTuple: index, limit: 9)
      case .dictionary(let index):
        let dictionary = heap.graph.dictionaries[index]
        guard !dictionary.isCut, dictionary.count <= 16 else {
          throw heap.error(.limit, "a large state of a generator")
        }
        for position in stride(from: 0, to: dictionary.items.count - 1, by: 2) {
          let value = heap.value(dictionary.items[position + 1])
          let key = heap.value(dictionary.items[position])
          if heap.isString(key, "pos") || heap.isString(key, "buffer_pos") {
            guard case .integer(let place) = value, (0...(heap.isString(key, "pos") ? 624 : 4)).contains(place) else {
              throw heap.error(.forbidden, "a generator's state with a position outside of its buffer")
            }
          }
          pending.append(value)
        }
      default: continue
      }
    }
  }
}
