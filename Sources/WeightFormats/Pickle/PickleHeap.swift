/// The objects that a pickle has made so far, what they cost, and how errors are told. It knows no opcode and no function.
struct PickleHeap: ~Copyable {
  /// Containers of a judged pickle keep so many elements.
  static let judgedElementLimit = 256
  /// The most that ``charge(_:)`` lets a pickle ask for.
  private static let operationLimit = 32 << 20

  let purpose: PicklePurpose
  /// The pickle's name in messages.
  private let what: String
  var graph = PickleGraph()
  private(set) var budget: MemoryBudget
  /// Opcodes run, and elements copied.
  private(set) var operations = 0
  /// Where the current opcode stands.
  var offset = 0
  /// Whether the pickle says that it is one: it begins as pickles have since protocol 2.
  var isMarked = false
  /// Whether an opcode failed that fails in every unpickler.
  private(set) var isBroken = false

  init(of what: String, _ purpose: PicklePurpose, _ budget: MemoryBudget) {
    self.what = what
    self.purpose = purpose
    self.budget = budget
    // The one float of a judged pickle: nobody needs to know what its floats are.
    if purpose == .judgement { _ = graph.arena.add(float: [UInt8](repeating: 0, count: 8)) }
  }

  // MARK: Errors

  /// An error about the current opcode.
  func error(_ code: FormatError.Code, _ message: String) -> FormatError {
    FormatError(code, "\(what), offset \(offset): \(message)")
  }

  /// The same for an opcode that fails in every unpickler, whatever it is used for.
  mutating func broken(_ message: String) -> FormatError {
    isBroken = true
    return error(.malformed, message)
  }

  // MARK: Costs

  /// Counts `amount` units of work that the pickle asked for.
  mutating func charge(_ amount: Int) throws(FormatError) {
    operations += amount
    guard operations <= Self.operationLimit else {
      throw error(.limit, "the pickle takes more than \(Self.operationLimit) operations")
    }
  }

  mutating func chargeMemory(_ byteCount: Int) throws(FormatError) { try budget.charge(byteCount) }

  mutating func releaseMemory(_ byteCount: Int) { budget.release(byteCount) }

  /// Pays, in work and memory, for a copy of `count` references.
  mutating func chargeCopy(_ count: Int) throws(FormatError) {
    try charge(count)
    try budget.charge(MemoryBudget.allocation + 4 * count)
  }

  /// Pays for `added` references more in an array of `count`: arrays grow to twice their size, and are copied then.
  private mutating func chargeGrowth(of count: Int, by added: Int) throws(FormatError) {
    guard added > 0 else { return }
    try budget.charge(8 * added + (count == 0 ? MemoryBudget.allocation : 0))
  }

  // MARK: Looking

  func value(_ reference: PickleReference) -> PickleValue { graph.value(reference) }

  /// What the first `limit` elements of a tuple stand for.
  func values(ofTuple index: Int, limit: Int) -> [PickleValue] {
    var values: [PickleValue] = []
    values.reserveCapacity(limit)
    for reference in graph.elements(ofTuple: index).prefix(limit) { values.append(value(reference)) }
    return values
  }

  /// Whether `value` is the string `string`.
  func isString(_ value: PickleValue, _ string: String) -> Bool {
    guard case .string(let text) = value else { return false }
    return graph.text(text, equals: string)
  }

  // MARK: Single objects

  mutating func add(_ bytes: PickleBytes, isArray: Bool) throws(FormatError) -> PickleReference {
    try budget.charge(PickleArena.bytesRecord)
    let offset = graph.arena.add(bytes)
    return isArray ? .bytearray(at: offset) : .bytes(at: offset)
  }

  /// What a call made that is not looked into.
  ///
  /// - Parameter tuple: index of the tuple of arguments.
  mutating func makeObject(of global: PickleGlobal, _ tuple: Int) throws(FormatError) -> PickleReference {
    try budget.charge(2 * MemoryLayout<PickleObject>.stride)
    graph.objects.append(PickleObject(global: global, arguments: tuple))
    return .object(graph.objects.count - 1)
  }

  /// A tensor that has no plain storage: it is in the file as written, and nowhere else.
  mutating func makeOddTensor(_ kind: String, _ tuple: Int) throws(FormatError) -> PickleReference {
    let made = try makeObject(of: .tensorClass, tuple)
    if case .object(let index) = value(made) { graph.objects[index].oddTensor = kind }
    return made
  }

  /// Something of a program: a name, and nothing behind it.
  mutating func makeForeign(_ path: String) throws(FormatError) -> PickleReference {
    if let known = graph.foreignNames.firstIndex(of: path) { return .foreign(known) }
    guard graph.foreignNames.count < 256 else { return .foreign(0) }
    try budget.charge(MemoryBudget.allocation + path.utf8.count)
    graph.foreignNames.append(path)
    return .foreign(graph.foreignNames.count - 1)
  }

  /// Checks that a program's object may be used: it may if the program is left out in the end.
  ///
  /// - Throws: `forbidden` if not.
  func checkForeign(_ reference: PickleReference) throws(FormatError) {
    guard case .foreign(let index) = value(reference) else {
      throw error(.forbidden, "a change of an object that is not known for data")
    }
    guard purpose == .stateDict else {
      throw error(.forbidden, "the global \(graph.foreignNames[index]) is used, and may be a program")
    }
  }

  // MARK: Containers

  /// A new tuple. A long one of a judged pickle is not kept: it is `unknown`.
  mutating func makeTuple(_ elements: ArraySlice<PickleReference>) throws(FormatError) -> PickleReference {
    guard purpose != .judgement || elements.count <= Self.judgedElementLimit else { return .unknown }
    try budget.charge(4 * (elements.count + 1))
    return graph.makeTuple(elements)
  }

  /// A new dictionary; returns its number.
  mutating func makeDictionary(_ kind: PickleDictionary.Kind) throws(FormatError) -> Int {
    try budget.charge(MemoryLayout<PickleDictionary>.stride)
    return graph.makeDictionary(kind)
  }

  /// A new list; returns its number. What a judged pickle's lists hold is not kept, so that they are all one.
  mutating func makeList() throws(FormatError) -> Int {
    if purpose == .judgement, !graph.lists.isEmpty { return 0 }
    // Twice, because the array of lists grows by copying.
    try budget.charge(2 * MemoryLayout<[PickleReference]>.stride)
    graph.lists.append([])
    return graph.lists.count - 1
  }

  /// Appends to a list. What a judged pickle appends is not kept.
  mutating func add(_ elements: ArraySlice<PickleReference>, toList index: Int) throws(FormatError) {
    guard purpose != .judgement else { return }
    try chargeGrowth(of: graph.lists[index].count, by: elements.count)
    graph.lists[index].append(contentsOf: elements)
  }

  func checkHashable(_ elements: some Collection<PickleReference>) throws(FormatError) {
    guard elements.allSatisfy(\.isHashable) else {
      throw error(.malformed, "a set element that cannot be hashed")
    }
  }

  /// Sets items of a dictionary. Of a judged pickle's only the first are kept.
  ///
  /// - Parameter items: key, value, key, value, ...
  mutating func add(_ items: ArraySlice<PickleReference>, toDictionary index: Int) throws(FormatError) {
    guard items.count % 2 == 0 else { throw error(.malformed, "a key without a value") }
    guard items.isEmpty || !graph.dictionaries[index].mustStayEmpty else {
      throw error(.unsupported, "a tensor with backward hooks")
    }
    for position in stride(from: items.startIndex, to: items.endIndex, by: 2) where !items[position].isHashable {
      throw error(.malformed, "a dictionary key that Python cannot hash")
    }
    let count = graph.dictionaries[index].items.count
    if purpose == .judgement, count + items.count > 2 * Self.judgedElementLimit {
      graph.dictionaries[index].isCut = true
    } else {
      try chargeGrowth(of: count, by: items.count)
      graph.dictionaries[index].items.append(contentsOf: items)
    }
  }

  /// Index of the tuple, if it is one of at most 64 integers and none is negative.
  func dimensions(_ value: PickleValue) throws(FormatError) -> Int? {
    switch value {
    case .tuple(let index), .size(let index):
      let rankLimit = 64
      guard graph.elements(ofTuple: index).count <= rankLimit else {
        throw error(.limit, "a tensor of more than \(rankLimit) dimensions")
      }
      guard let integers = graph.integers(ofTuple: index), integers.allSatisfy({ $0 >= 0 }) else { return nil }
      return index
    default: return nil
    }
  }
}
