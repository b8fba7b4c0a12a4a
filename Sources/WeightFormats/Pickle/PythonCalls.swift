/// What calls of Python's own functions and types make, and of those classes that are known to be data.
enum PythonCalls {
  /// `OrderedDict()`, or Python 2's `OrderedDict([[key, value], ...])`.
  static func orderedDict(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError) -> PickleReference
  {
    var items: [PickleReference] = []
    if let argument = arguments.first {
      guard arguments.count == 1, case .list(let list) = argument else {
        throw heap.error(.forbidden, "a call of collections.OrderedDict with arguments that no pickler writes")
      }
      // Growing by pairs, the array may have twice the size that it needs.
      try heap.chargeCopy(4 * heap.graph.lists[list].count)
      for pair in heap.graph.lists[list] {
        let parts: [PickleReference]
        switch heap.value(pair) {
        case .list(let index): parts = Array(heap.graph.lists[index].prefix(3))
        case .tuple(let index): parts = Array(heap.graph.elements(ofTuple: index).prefix(3))
        default: parts = []
        }
        guard parts.count == 2, parts[0].isHashable else {
          throw heap.error(.malformed, "an OrderedDict of something other than pairs")
        }
        items += parts
      }
    }
    let index = try heap.makeDictionary(.orderedDict)
    heap.graph.dictionaries[index].items = items
    return .dictionary(index)
  }

  static func counter(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError) -> PickleReference {
    try dictionary(.counter, of: arguments, function: .counter, in: &heap)
  }

  /// `defaultdict(factory)`. The factory is one of Python's own types.
  static func defaultDict(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError) -> PickleReference
  {
    switch arguments.first {
    case nil, PickleValue.none?: break
    case .global(.inert(let type))? where type.rule == .name && type.path.hasPrefix("builtins."): break
    case .global(.orderedDict)?, .global(.counter)?, .global(.set)?, .global(.defaultDict)?: break
    case .foreign? where heap.purpose == .stateDict: break
    default: throw heap.error(.forbidden, "a defaultdict whose factory is not a plain type")
    }
    return try dictionary(.defaultDict, of: Array(arguments.dropFirst()), function: .defaultDict, in: &heap)
  }

  /// A dictionary of some kind: empty, or a copy of another one.
  private static func dictionary(
    _ kind: PickleDictionary.Kind, of arguments: [PickleValue], function: PickleGlobal, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    var items: [PickleReference] = []
    if let argument = arguments.first {
      guard arguments.count == 1, case .dictionary(let index) = argument else {
        throw PickleCalls.refusal(of: function, in: heap)
      }
      items = heap.graph.dictionaries[index].items
      try heap.chargeCopy(items.count)
    }
    let index = try heap.makeDictionary(kind)
    heap.graph.dictionaries[index].items = items
    return .dictionary(index)
  }

  static func set(_ arguments: [PickleValue], isFrozen: Bool, in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    var list: Int?
    if let argument = arguments.first {
      guard arguments.count == 1, case .list(let elements) = argument else {
        throw heap.error(.forbidden, "a call of builtins.set with arguments that no pickler writes")
      }
      try heap.charge(heap.graph.lists[elements].count)
      try heap.checkHashable(heap.graph.lists[elements])
      list = elements
    }
    return isFrozen ? .frozenSet(list: list) : .set(list: list)
  }

  /// `bytes()`: how protocol 2 writes no bytes.
  static func bytes(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError) -> PickleReference? {
    guard arguments.isEmpty else { return nil }
    return try heap.add(PickleBytes(count: 0, fileByteCount: 0, isLatin1Text: false), isArray: false)
  }

  static func bytearray(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError) -> PickleReference {
    switch (arguments.count, arguments.first) {
    case (0, _): return try heap.add(PickleBytes(count: 0, fileByteCount: 0, isLatin1Text: false), isArray: true)
    case (1, .bytes(let bytes)?): return try heap.add(bytes, isArray: true)
    case (1, .unknown?), (2, .unknown?): return .unknown
    case (2, .string(let text)?) where heap.isString(arguments[1], "latin-1"):
      return try heap.add(try bytes(of: text, in: &heap), isArray: true)
    default: throw heap.error(.forbidden, "a call of builtins.bytearray with arguments that no pickler writes")
    }
  }

  /// `_codecs.encode(text, 'latin1')`: how protocol 2 writes bytes.
  static func encoded(
    _ arguments: [PickleValue], in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference? {
    guard arguments.count == 2, heap.isString(arguments[1], "latin1") else { return nil }
    switch arguments[0] {
    case .string(let text): return try heap.add(try bytes(of: text, in: &heap), isArray: false)
    case .unknown: return .unknown
    default: throw heap.error(.forbidden, "a call of _codecs.encode with arguments that no pickler writes")
    }
  }

  /// The bytes that a text of Latin-1 characters stands for.
  private static func bytes(of text: PickleText, in heap: inout PickleHeap) throws(FormatError) -> PickleBytes {
    var count = text.latin1Count
    if text.isWhole {
      try heap.charge(text.byteCount / 16)
      // In UTF-8, what lies beyond U+00FF begins with a byte above C3.
      let kept = heap.graph.arena.records[text.range]
      if kept.allSatisfy({ $0 <= 0xC3 }) { count = kept.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }
    }
    guard let count else { throw heap.error(.malformed, "bytes whose characters are not Latin-1") }
    var bytes = PickleBytes(
      count: count, fileOffset: text.fileOffset, fileByteCount: text.byteCount, isLatin1Text: true)
    if count == 1, let first = heap.graph.arena.records[text.range].first {
      // From U+0080 on a character takes two bytes.
      bytes.only = first < 0x80 ? first : (first & 3) << 6 | (heap.graph.arena.records[text.range].last ?? 0) & 0x3F
    }
    return bytes
  }

  static func complex(
    _ arguments: [PickleValue], in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference? {
    guard arguments.count == 2, case .float(let real) = arguments[0], case .float(let imaginary) = arguments[1]
    else { return nil }
    try heap.chargeMemory(16)
    func bytes(_ value: Double) -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: value.bitPattern)
      return bytes.reversed()
    }
    let offset = heap.graph.arena.add(float: bytes(real))
    _ = heap.graph.arena.add(float: bytes(imaginary))
    return .complex(at: offset)
  }

  /// `copyreg._reconstructor(class, base, state)`: how protocols 0 and 1 make objects.
  static func object(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    guard arguments.count == 3 else { throw heap.error(.forbidden, "a call of copyreg._reconstructor") }
    if case .foreign(let index) = arguments[0] {
      try heap.checkForeign(.foreign(index))
      return .foreign(index)
    }
    guard case .global(.inert(let type)) = arguments[0], case .global(.inert(let base)) = arguments[1] else {
      throw heap.error(.forbidden, "an object of a class that is not known for data")
    }
    switch (type.rule, base.path, arguments[2]) {
    case (.object, "builtins.object", PickleValue.none): return try inert(type, [], 0, in: &heap)
    case (.mapping, "builtins.dict", .dictionary(let index)):
      let made = try inert(type, [], 0, in: &heap)
      if case .dictionary(let copy) = heap.value(made) {
        try heap.chargeCopy(heap.graph.dictionaries[index].items.count)
        heap.graph.dictionaries[copy].items = heap.graph.dictionaries[index].items
      }
      return made
    default: throw heap.error(.forbidden, "an object of \(type.path) made from something that no pickler writes")
    }
  }

  /// What a function or class of the list of inert ones makes.
  ///
  /// - Parameter tuple: index of the tuple of arguments.
  static func inert(_ global: InertGlobal, _ arguments: [PickleValue], _ tuple: Int, in heap: inout PickleHeap)
    throws(FormatError) -> PickleReference
  {
    switch global.rule {
    case .name: break
    case .object:
      guard arguments.isEmpty else { break }
      return try heap.makeObject(of: .inert(global), tuple)
    case .mapping:
      guard arguments.isEmpty else { break }
      return .dictionary(try heap.makeDictionary(.named(PickleGlobal.inert(global).number)))
    case .call, .sequence:
      guard arguments.allSatisfy({ isData($0, in: heap) }) else { break }
      return try heap.makeObject(of: .inert(global), tuple)
    case .callThenState:
      let isOwn = arguments.allSatisfy { argument in
        if case .global(.inert(let other)) = argument { return other.path.hasPrefix("numpy.random.") }
        return isData(argument, in: heap)
      }
      guard isOwn else { break }
      return try heap.makeObject(of: .inert(global), tuple)
    case .oddTensor(let kind): return try heap.makeOddTensor(kind, tuple)
    }
    throw PickleCalls.refusal(of: .inert(global), in: heap)
  }

  private static func isData(_ value: PickleValue, in heap: borrowing PickleHeap) -> Bool {
    switch value {
    case .global: false
    case .foreign: heap.purpose == .stateDict
    default: true
    }
  }

  // MARK: Attributes

  /// Names of `collections.OrderedDict` itself, which an attribute would hide.
  private static let dictionaryMethods: Set<String> = [
    "clear", "copy", "fromkeys", "get", "items", "keys", "move_to_end", "pop", "popitem", "setdefault", "update",
    "values",
  ]

  /// Attributes of a dictionary, which is how torch keeps `_metadata`.
  static func setState(
    _ state: PickleValue, ofDictionary target: Int, in heap: inout PickleHeap
  ) throws(FormatError) {
    switch heap.graph.dictionaries[target].kind {
    case .orderedDict, .named: break
    default: throw heap.error(.forbidden, "BUILD on a dictionary that is not an OrderedDict")
    }
    guard case .dictionary(let attributes) = state else {
      throw heap.error(.forbidden, "BUILD with a state that is not a dict")
    }
    guard heap.graph.dictionaries[target].attributes == nil else {
      throw heap.error(.malformed, "a second BUILD on one OrderedDict")
    }
    heap.graph.dictionaries[target].attributes = try copyOfAttributes(
      attributes, excluding: dictionaryMethods, in: &heap)
  }

  /// A copy of a dictionary of attributes: Python copies them too, so that changing the original later changes nothing.
  static func copyOfAttributes(_ index: Int, excluding names: Set<String>, in heap: inout PickleHeap)
    throws(FormatError)
    -> Int
  {
    guard !heap.graph.dictionaries[index].isCut else {
      throw heap.error(.limit, "more than \(PickleHeap.judgedElementLimit) attributes")
    }
    let items = heap.graph.dictionaries[index].items
    try heap.chargeCopy(items.count)
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let text) = heap.value(items[position]), text.byteCount <= 1024 else {
        throw heap.error(.forbidden, "an attribute whose name is not a string")
      }
      let name = heap.graph.string(text)
      guard !names.contains(name), !name.hasPrefix("__") else {
        throw heap.error(.forbidden, "the attribute \(name) may not be set")
      }
    }
    let copy = try heap.makeDictionary(.dict)
    heap.graph.dictionaries[copy].items = items
    return copy
  }
}
