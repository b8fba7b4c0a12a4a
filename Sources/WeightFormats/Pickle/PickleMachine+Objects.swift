extension PickleMachine {
  /// `OrderedDict()`, or Python 2's `OrderedDict([[key, value], ...])`.
  mutating func orderedDict(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    var items: [PickleReference] = []
    if let argument = arguments.first {
      guard arguments.count == 1, case .list(let list) = argument else {
        throw error(.forbidden, "a call of collections.OrderedDict with arguments that no pickler writes")
      }
      // Growing by pairs, the array may have twice the size that it needs.
      try chargeCopy(4 * graph.lists[list].count)
      for pair in graph.lists[list] {
        let parts: [PickleReference]
        switch value(pair) {
        case .list(let index): parts = Array(graph.lists[index].prefix(3))
        case .tuple(let index): parts = Array(graph.elements(ofTuple: index).prefix(3))
        default: parts = []
        }
        guard parts.count == 2, parts[0].isHashable else {
          throw error(.malformed, "an OrderedDict of something other than pairs")
        }
        items += parts
      }
    }
    let index = try makeDictionary(.orderedDict)
    graph.dictionaries[index].items = items
    return .dictionary(index)
  }

  mutating func counter(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    try dictionary(.counter, of: arguments, function: .counter)
  }

  /// `defaultdict(factory)`. The factory is one of Python's own types.
  mutating func defaultDict(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    switch arguments.first {
    case nil, PickleValue.none?: break
    case .global(.inert(let type))? where type.rule == .name && type.path.hasPrefix("builtins."): break
    case .global(.orderedDict)?, .global(.counter)?, .global(.set)?, .global(.defaultDict)?: break
    case .foreign? where purpose == .stateDict: break
    default: throw error(.forbidden, "a defaultdict whose factory is not a plain type")
    }
    return try dictionary(.defaultDict, of: Array(arguments.dropFirst()), function: .defaultDict)
  }

  /// A dictionary of some kind: empty, or a copy of another one.
  private mutating func dictionary(
    _ kind: PickleDictionary.Kind, of arguments: [PickleValue], function: PickleGlobal
  ) throws(FormatError) -> PickleReference {
    var items: [PickleReference] = []
    if let argument = arguments.first {
      guard arguments.count == 1, case .dictionary(let index) = argument else {
        throw error(.forbidden, "a call of \(function.path) with arguments that no pickler writes")
      }
      items = graph.dictionaries[index].items
      try chargeCopy(items.count)
    }
    let index = try makeDictionary(kind)
    graph.dictionaries[index].items = items
    return .dictionary(index)
  }

  mutating func set(_ arguments: [PickleValue], isFrozen: Bool) throws(FormatError) -> PickleReference {
    var list: Int?
    if let argument = arguments.first {
      guard arguments.count == 1, case .list(let elements) = argument else {
        throw error(.forbidden, "a call of builtins.set with arguments that no pickler writes")
      }
      try charge(graph.lists[elements].count)
      guard graph.lists[elements].allSatisfy(\.isHashable) else {
        throw error(.malformed, "a set element that cannot be hashed")
      }
      list = elements
    }
    return isFrozen ? .frozenSet(list: list) : .set(list: list)
  }

  mutating func bytearray(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    switch (arguments.count, arguments.first) {
    case (0, _): return try add(PickleBytes(count: 0, fileByteCount: 0, isLatin1Text: false), isArray: true)
    case (1, .bytes(let bytes)?): return try add(bytes, isArray: true)
    case (1, .unknown?), (2, .unknown?): return .unknown
    case (2, .string(let text)?) where isString(arguments[1], "latin-1"):
      return try add(try bytes(of: text), isArray: true)
    default: throw error(.forbidden, "a call of builtins.bytearray with arguments that no pickler writes")
    }
  }

  /// `_codecs.encode(text, 'latin1')`: how protocol 2 writes bytes.
  mutating func encoded(_ value: PickleValue) throws(FormatError) -> PickleReference {
    switch value {
    case .string(let text): return try add(try bytes(of: text), isArray: false)
    case .unknown: return .unknown
    default: throw error(.forbidden, "a call of _codecs.encode with arguments that no pickler writes")
    }
  }

  /// The bytes that a text of Latin-1 characters stands for.
  private mutating func bytes(of text: PickleText) throws(FormatError) -> PickleBytes {
    var count = text.latin1Count
    if text.isWhole {
      try charge(text.byteCount / 16)
      // In UTF-8, what lies beyond U+00FF begins with a byte above C3.
      let kept = arena.records[text.range]
      if kept.allSatisfy({ $0 <= 0xC3 }) { count = kept.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }
    }
    guard let count else { throw error(.malformed, "bytes whose characters are not Latin-1") }
    var bytes = PickleBytes(
      count: count, fileOffset: text.fileOffset, fileByteCount: text.byteCount, isLatin1Text: true)
    if count == 1, let first = arena.records[text.range].first {
      // From U+0080 on a character takes two bytes.
      bytes.only = first < 0x80 ? first : (first & 3) << 6 | (arena.records[text.range].last ?? 0) & 0x3F
    }
    return bytes
  }

  mutating func complex(_ real: Double, _ imaginary: Double) throws(FormatError) -> PickleReference {
    try input.budget.charge(16)
    func bytes(_ value: Double) -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: value.bitPattern)
      return bytes.reversed()
    }
    let offset = arena.add(float: bytes(real))
    _ = arena.add(float: bytes(imaginary))
    return .complex(at: offset)
  }

  /// `copyreg._reconstructor(class, base, state)`: how protocols 0 and 1 make objects.
  mutating func reconstructed(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    guard arguments.count == 3 else { throw error(.forbidden, "a call of copyreg._reconstructor") }
    if case .foreign(let index) = arguments[0] {
      try checkForeign(.foreign(index))
      return .foreign(index)
    }
    guard case .global(.inert(let type)) = arguments[0], case .global(.inert(let base)) = arguments[1] else {
      throw error(.forbidden, "an object of a class that is not known for data")
    }
    switch (type.rule, base.path, arguments[2]) {
    case (.object, "builtins.object", PickleValue.none): return try inert(type, [], 0)
    case (.mapping, "builtins.dict", .dictionary(let index)):
      let made = try inert(type, [], 0)
      if case .dictionary(let copy) = value(made) {
        try chargeCopy(graph.dictionaries[index].items.count)
        graph.dictionaries[copy].items = graph.dictionaries[index].items
      }
      return made
    default: throw error(.forbidden, "an object of \(type.path) made from something that no pickler writes")
    }
  }

  /// What a function or class of the list of inert ones makes.
  ///
  /// - Parameter tuple: the arguments once more.
  mutating func inert(
    _ global: InertGlobal, _ arguments: [PickleValue], _ tuple: Int
  ) throws(FormatError) -> PickleReference {
    switch global.rule {
    case .name: break
    case .object:
      guard arguments.isEmpty else { break }
      return try object(of: .inert(global), tuple)
    case .mapping:
      guard arguments.isEmpty else { break }
      return .dictionary(try makeDictionary(.named(PickleGlobal.inert(global).number)))
    case .call, .sequence:
      guard arguments.allSatisfy({ isData($0) }) else { break }
      return try object(of: .inert(global), tuple)
    case .callThenState:
      let isOwn = arguments.allSatisfy { argument in
        if case .global(.inert(let other)) = argument { return other.path.hasPrefix("numpy.random.") }
        return isData(argument)
      }
      guard isOwn else { break }
      return try object(of: .inert(global), tuple)
    case .oddTensor(let kind): return try odd(kind, tuple)
    }
    throw error(.forbidden, "a call of \(global.path) with arguments that no pickler writes")
  }

  private func isData(_ value: PickleValue) -> Bool {
    switch value {
    case .global: false
    case .foreign: purpose == .stateDict
    default: true
    }
  }

  /// A tensor that has no plain storage: it is in the file as written, and nowhere else.
  mutating func odd(_ kind: String, _ tuple: Int) throws(FormatError) -> PickleReference {
    let made = try object(of: .tensorClass, tuple)
    if case .object(let index) = value(made) { graph.objects[index].oddTensor = kind }
    return made
  }

  /// A new object.
  mutating func object(of global: PickleGlobal, _ tuple: Int) throws(FormatError) -> PickleReference {
    try input.budget.charge(2 * MemoryLayout<PickleObject>.stride)
    graph.objects.append(PickleObject(global: global, arguments: tuple))
    return .object(graph.objects.count - 1)
  }
}
