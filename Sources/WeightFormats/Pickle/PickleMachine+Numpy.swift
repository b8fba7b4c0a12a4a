/// numpy's arrays, scalars and dtypes. Sources: numpy/_core/src/multiarray/descriptor.c (`arraydescr_reduce`,
/// `arraydescr_setstate`), methods.c (`array_reduce`, `array_setstate`), numpy/_core/numeric.py (`_frombuffer`).
///
/// Only types without objects are read: an object in an array would be whatever its pickle makes of it.
extension PickleMachine {
  // MARK: Types

  /// `numpy.dtype('f8', False, True)`.
  mutating func numpyType(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    guard arguments.count == 3, case .string(let text) = arguments[0], text.byteCount <= 16, isFlag(arguments[1]),
      isFlag(arguments[2]), arguments[2] != .boolean(false), arguments[2] != .integer(0)
    else { throw error(.forbidden, "a call of numpy.dtype with arguments that numpy does not write") }
    guard let type = NumpyType(code: arena.records[text.range]) else {
      throw error(.forbidden, "the numpy dtype \(string(text).debugDescription), which is not known for data")
    }
    try input.budget.charge(2 * MemoryLayout<NumpyType>.stride)
    graph.numpyTypes.append(type)
    return .numpyType(graph.numpyTypes.count - 1)
  }

  private func isFlag(_ value: PickleValue) -> Bool {
    switch value {
    case .boolean, .integer(0), .integer(1): true
    default: false
    }
  }

  /// The state of a dtype: `(version, byte order, base, names, fields, size, alignment, flags[, metadata])`.
  mutating func buildNumpyType(_ index: Int, _ state: PickleValue) throws(FormatError) {
    guard case .tuple(let tuple) = state else { throw oddType() }
    let parts = values(ofTuple: tuple, limit: 10)
    guard (8...9).contains(parts.count), parts[0] == .integer(3) || parts[0] == .integer(4),
      case .string(let order) = parts[1], order.byteCount == 1, case .integer(let size) = parts[5],
      case .integer(let alignment) = parts[6], [-1, 1, 2, 4, 8, 16].contains(alignment),
      case .integer(let flags) = parts[7], flags >= 0, flags & ~0x98 == 0
    else { throw oddType() }
    var type = graph.numpyTypes[index]
    switch arena.records[order.range.lowerBound] {
    case UInt8(ascii: ">"): type.isBigEndian = true
    case UInt8(ascii: "<"), UInt8(ascii: "|"), UInt8(ascii: "="): type.isBigEndian = false
    default: throw oddType()
    }
    guard size == -1 || size == type.byteCount else { throw oddType() }
    if parts.count == 9 { try checkUnit(parts[8], of: type) }
    switch (parts[2], parts[3], parts[4]) {
    case (PickleValue.none, PickleValue.none, PickleValue.none): break
    case (.tuple(let base), PickleValue.none, PickleValue.none) where type.kind == UInt8(ascii: "V"):
      try checkBase(values(ofTuple: base, limit: 3), of: type)
      type.isStructured = true
    case (PickleValue.none, .tuple(let names), .dictionary(let fields)) where type.kind == UInt8(ascii: "V"):
      try checkFields(names, fields, of: type)
      type.isStructured = true
    default: throw oddType()
    }
    graph.numpyTypes[index] = type
  }

  private func oddType() -> FormatError { error(.forbidden, "a state of numpy.dtype that numpy does not write") }

  /// The unit of a time: `(None or {}, (b'ns', 1, 1, 1))`.
  private func checkUnit(_ metadata: PickleValue, of type: NumpyType) throws(FormatError) {
    if metadata == .none { return }
    guard case .tuple(let tuple) = metadata, type.kind == UInt8(ascii: "M") || type.kind == UInt8(ascii: "m") else {
      throw oddType()
    }
    let parts = values(ofTuple: tuple, limit: 3)
    guard parts.count == 2, case .tuple(let unit) = parts[1] else { throw oddType() }
    switch parts[0] {
    case .none: break
    case .dictionary(let index) where graph.dictionaries[index].isEmpty: break
    default: throw oddType()
    }
    for part in values(ofTuple: unit, limit: 5) {
      switch part {
      case .bytes, .string, .integer: continue
      default: throw oddType()
      }
    }
  }

  /// The type of the elements of a sub-array, and their number: `(dtype, shape)`.
  private mutating func checkBase(_ parts: [PickleValue], of type: NumpyType) throws(FormatError) {
    guard parts.count == 2, case .numpyType(let base) = parts[0] else { throw oddType() }
    var count = graph.numpyTypes[base].byteCount
    switch parts[1] {
    case .integer(let length) where length >= 0: count = try product(count, length)
    case .tuple(let shape):
      guard let lengths = graph.integers(ofTuple: shape, in: arena), lengths.allSatisfy({ $0 >= 0 }) else {
        throw oddType()
      }
      for length in lengths { count = try product(count, length) }
    default: throw oddType()
    }
    guard count == type.byteCount else { throw oddType() }
  }

  /// The fields of a structure: `{name: (dtype, offset)}`.
  private func checkFields(_ names: Int, _ fields: Int, of type: NumpyType) throws(FormatError) {
    let dictionary = graph.dictionaries[fields]
    guard !dictionary.isCut, dictionary.count >= graph.elements(ofTuple: names).count else { throw oddType() }
    for name in graph.elements(ofTuple: names) {
      guard case .string = value(name) else { throw oddType() }
    }
    for position in stride(from: 0, to: dictionary.items.count - 1, by: 2) {
      guard case .string = value(dictionary.items[position]),
        case .tuple(let tuple) = value(dictionary.items[position + 1])
      else { throw oddType() }
      let parts = values(ofTuple: tuple, limit: 4)
      guard (2...3).contains(parts.count), case .numpyType(let field) = parts[0], case .integer(let offset) = parts[1],
        offset >= 0, offset <= type.byteCount, graph.numpyTypes[field].byteCount <= type.byteCount - offset
      else { throw oddType() }
      if parts.count == 3 { guard case .string = parts[2] else { throw oddType() } }
    }
  }

  private func product(_ a: Int, _ b: Int) throws(FormatError) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    guard !overflow else { throw error(.malformed, "a numpy array larger than any memory") }
    return product
  }

  // MARK: Arrays

  private mutating func makeArray(_ array: PickleArray) throws(FormatError) -> PickleReference {
    try input.budget.charge(2 * MemoryLayout<PickleArray>.stride)
    graph.arrays.append(array)
    return .array(graph.arrays.count - 1)
  }

  /// `_reconstruct(numpy.ndarray, (0,), b'b')`: an array that gets its state by BUILD.
  mutating func numpyReconstruct(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    guard arguments.count == 3, arguments[0] == .global(.numpyArrayClass), case .tuple(let shape) = arguments[1],
      graph.integers(ofTuple: shape, in: arena) == [0]
    else { throw error(.forbidden, "a numpy array of a class that is not known for data") }
    switch arguments[2] {
    case .bytes(let bytes) where bytes.only == UInt8(ascii: "b"): break
    // Python 2's bytes are texts to Python 3.
    case let text where isString(text, "b"): break
    default: throw error(.forbidden, "a numpy array that is made in a way in which numpy makes none")
    }
    // Until it has a state, it holds no bytes.
    guard let type = NumpyType(code: Array("i1".utf8)) else { throw oddType() }
    graph.numpyTypes.append(type)
    return try makeArray(
      PickleArray(
        type: graph.numpyTypes.count - 1, shape: shape,
        bytes: PickleBytes(count: 0, fileOffset: input.fileOffset, fileByteCount: 0, isLatin1Text: false)))
  }

  /// The state of an array: `(version, shape, dtype, isFortran, bytes)`.
  mutating func buildArray(_ index: Int, _ state: PickleValue) throws(FormatError) {
    guard case .tuple(let tuple) = state else { throw error(.forbidden, "a numpy array's state that is no tuple") }
    let parts = values(ofTuple: tuple, limit: 6)
    guard parts.count == 5, parts[0] == .integer(1), isFlag(parts[3]) else {
      throw error(.forbidden, "a numpy array's state that numpy does not write")
    }
    let isFortran = parts[3] == .boolean(true) || parts[3] == .integer(1)
    graph.arrays[index] = try array(shape: parts[1], type: parts[2], isFortran: isFortran, data: parts[4])
  }

  /// `_frombuffer(bytes, dtype, shape, 'C' or 'F')`: how protocol 5 writes arrays.
  mutating func numpyFromBuffer(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    guard arguments.count == 4, isString(arguments[3], "C") || isString(arguments[3], "F") else {
      throw error(.forbidden, "a numpy array made of a buffer in an unknown way")
    }
    return try makeArray(
      try array(
        shape: arguments[2], type: arguments[1], isFortran: isString(arguments[3], "F"), data: arguments[0]))
  }

  private mutating func array(
    shape: PickleValue, type: PickleValue, isFortran: Bool, data: PickleValue
  ) throws(FormatError) -> PickleArray {
    guard let shape = try dimensions(shape), case .numpyType(let type) = type else {
      throw error(.forbidden, "a numpy array without a shape or a dtype that is known for data")
    }
    var count = graph.numpyTypes[type].byteCount
    for length in graph.integers(ofTuple: shape, in: arena) ?? [] { count = try product(count, length) }
    let bytes: PickleBytes
    switch data {
    case .bytes(let found), .bytearray(let found): bytes = found
    // What is not kept of a judged pickle is bytes, or numpy raises an error.
    case .unknown where purpose == .judgement, .string where purpose == .judgement:
      bytes = PickleBytes(count: count, fileByteCount: 0, isLatin1Text: false)
    default: throw error(.forbidden, "a numpy array whose data is not bytes: an array of objects")
    }
    guard bytes.count == count else {
      throw error(.malformed, "a numpy array of \(count) bytes that is given \(bytes.count)")
    }
    return PickleArray(type: type, shape: shape, isFortran: isFortran, bytes: bytes)
  }

  /// `scalar(dtype, bytes)`.
  mutating func numpyScalar(_ arguments: [PickleValue], _ tuple: Int) throws(FormatError) -> PickleReference {
    guard arguments.count == 2, case .numpyType(let type) = arguments[0] else {
      throw error(.forbidden, "a numpy scalar of a type that is not known for data")
    }
    switch arguments[1] {
    case .bytes(let bytes) where bytes.count == graph.numpyTypes[type].byteCount: break
    case .unknown where purpose == .judgement, .string where purpose == .judgement: break
    default: throw error(.forbidden, "a numpy scalar that is not made of its bytes")
    }
    return try object(of: .numpyScalar, tuple)
  }

  // MARK: Generators

  /// numpy believes what a state says of positions in its buffers.
  func checkGeneratorState(_ state: PickleValue) throws(FormatError) {
    var pending = [state]
    var seen = 0
    while let next = pending.popLast() {
      seen += 1
      guard seen < 64 else { throw error(.limit, "a generator's state of too many parts") }
      switch next {
      case .tuple(let index): pending += values(ofTuple: index, limit: 9)
      case .dictionary(let index):
        let dictionary = graph.dictionaries[index]
        guard !dictionary.isCut, dictionary.count <= 16 else { throw error(.limit, "a large state of a generator") }
        for position in stride(from: 0, to: dictionary.items.count - 1, by: 2) {
          let value = value(dictionary.items[position + 1])
          let key = self.value(dictionary.items[position])
          if isString(key, "pos") || isString(key, "buffer_pos") {
            guard case .integer(let place) = value, (0...(isString(key, "pos") ? 624 : 4)).contains(place) else {
              throw error(.forbidden, "a generator's state with a position outside of its buffer")
            }
          }
          pending.append(value)
        }
      default: continue
      }
    }
  }

  // MARK: joblib

  /// What joblib writes in the place of an array: a description, behind which the array's bytes stand in the file.
  ///
  /// Source: joblib/numpy_pickle.py, `NumpyArrayWrapper`.
  mutating func skipArray(_ attributes: Int) throws(FormatError) {
    hasArrays = true
    let known: Set<String> = [
      "subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes",
    ]
    var fields: [String: PickleValue] = [:]
    let items = graph.dictionaries[attributes].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let text) = value(items[position]), known.contains(string(text)) else {
        throw error(.forbidden, "an array of joblib with something else")
      }
      fields[string(text)] = value(items[position + 1])
    }
    guard case .numpyType(let type)? = fields["dtype"], fields["subclass"] == .global(.numpyArrayClass),
      let shape = fields["shape"], let lengths = try dimensions(shape)
    else { throw error(.forbidden, "an array of joblib that is not known for data") }
    guard skipsArrays else { return }
    guard frameEnd == 0 || frameEnd == input.position else {
      throw error(.malformed, "an array of joblib that does not follow its description")
    }
    isInFrame = false
    var count = graph.numpyTypes[type].byteCount
    for length in graph.integers(ofTuple: lengths, in: arena) ?? [] { count = try product(count, length) }
    if let alignment = fields["numpy_array_alignment_bytes"], alignment != .none {
      try input.skip(Int(try input.byte()))
    }
    try input.skip(count)
  }
}
