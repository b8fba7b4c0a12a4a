/// An interpreter of pickles, protocols 0 to 5: opcodes, stack and memo. What they make is a ``PickleHeap``; nothing is imported
/// and nothing is called.
///
/// The globals are those of ``PickleGlobal``. ``PickleCalls`` knows the calls and states: they are accepted in exactly the shapes
/// that picklers write.
///
/// Limits: 1 Mi values on the stack, and a ``MemoryBudget`` for everything that a pickle describes; time is proportional to the
/// pickle's size, whatever it says.
struct PickleMachine: ~Copyable {
  private static let stackLimit = 1 << 20
  private static let markLimit = 1 << 18

  private let dialect: PickleDialect
  private var input: PickleInput
  private var heap: PickleHeap
  private var stack: [PickleReference] = []
  /// Stack heights at the MARKs that are open.
  private var marks: [UInt32] = []
  private var memo = PickleMemo()
  /// Bytes paid for the stack.
  private var workspace = 0
  /// Whether arrays of joblib follow their descriptions, and are not read as opcodes.
  private let skipsArrays: Bool
  /// Whether there were such arrays.
  private var hasArrays = false
  /// Where the pickle begins.
  private let start: Int
  /// Where the current frame ends.
  private var frameEnd = 0
  /// Whether the frame goes on.
  private var isInFrame = false

  private init(
    _ input: PickleInput, dialect: PickleDialect, purpose: PicklePurpose, skipsArrays: Bool, budget: MemoryBudget
  ) {
    self.input = input
    self.dialect = dialect
    self.skipsArrays = skipsArrays
    heap = PickleHeap(of: input.what, purpose, budget)
    start = input.position
  }

  /// Runs the pickle that begins where `input` stands.
  ///
  /// - Parameter budget: pays for the objects, and for what is needed meanwhile.
  static func run(
    _ input: PickleInput, dialect: PickleDialect, purpose: PicklePurpose = .weights, budget: inout MemoryBudget
  ) throws(FormatError) -> Outcome {
    var machine = PickleMachine(input, dialect: dialect, purpose: purpose, skipsArrays: false, budget: budget)
    try machine.prepare()
    while try machine.step() {}
    machine.finish()
    budget = machine.heap.budget
    if let key = try machine.heap.graph.repeatedKey(&budget) {
      var name = ""
      if case .string(let text) = key {
        name = " " + machine.heap.graph.string(text).prefix(80).debugDescription
      }
      throw FormatError(.malformed, "\(input.what): a dictionary has the key\(name) twice")
    }
    return Outcome(graph: machine.heap.graph, byteCount: machine.input.position)
  }

  /// What a pickle was.
  struct Outcome {
    var graph: PickleGraph
    var byteCount: Int
  }

  /// What is known of a pickle that was judged.
  enum Judgement {
    /// Unpickling makes data. If it is one large integer, `digits` has its bytes: little-endian two's complement.
    case inert(digits: [UInt8], hasStorages: Bool, hasArrays: Bool, rest: PickleInput)
    /// No unpickler gets through, and until then nothing was run.
    case broken(FormatError)
  }

  /// Judges the pickle that `input` stands at.
  ///
  /// - Throws: why the pickle is not known to be inert.
  static func judge(_ input: PickleInput, dialect: PickleDialect, skipsArrays: Bool) throws(FormatError) -> Judgement {
    var machine = PickleMachine(
      input, dialect: dialect, purpose: .judgement, skipsArrays: skipsArrays,
      budget: MemoryBudget(MemoryBudget.torchLimit))
    do throws(FormatError) {
      while try machine.step() {}
    } catch {
      // A file without the mark of a pickle, such as a text, is soon no pickle. One with the mark is more than suspect.
      // Arrays that are read as opcodes soon end it, too.
      guard machine.heap.isBroken || error.code == .truncated, !machine.heap.isMarked || machine.hasArrays else {
        throw error
      }
      return .broken(error)
    }
    let graph = machine.heap.graph
    if let name = graph.foreignNames.first {
      throw FormatError(.forbidden, "\(input.what): it names the global \(name), which may be a program")
    }
    var digits: [UInt8] = []
    if case .wideInteger(let text) = graph.value(graph.root) { digits = Array(graph.arena.records[text.range]) }
    return .inert(
      digits: digits, hasStorages: !graph.storages.isEmpty, hasArrays: machine.hasArrays,
      rest: machine.input)
  }

  private mutating func finish() {
    memo.release(to: &heap)
    heap.releaseMemory(workspace)
  }

  /// Pays for the stack and makes room for what the pickle can describe. Torch's small headers need neither.
  private mutating func prepare() throws(FormatError) {
    guard dialect != .plain, input.byteCountLimit > 1 << 16 else { return }
    workspace = min(input.byteCountLimit, Self.stackLimit + Self.markLimit) * 4
    try heap.chargeMemory(workspace)
    stack.reserveCapacity(min(input.byteCountLimit, Self.stackLimit))
    marks.reserveCapacity(min(input.byteCountLimit, Self.markLimit))
    memo.reserve(min(input.byteCountLimit, heap.budget.available) / 4)
    heap.graph.reserve(byteCount: input.byteCountLimit, memory: heap.budget.available)
  }

  /// Runs one opcode; returns false after STOP.
  private mutating func step() throws(FormatError) -> Bool {
    let offset = input.position
    heap.offset = offset
    if isInFrame, offset >= frameEnd {
      // What an unpickler makes of this depends on how it reads: some lose the rest of the frame.
      guard offset == frameEnd else { throw heap.error(.malformed, "an opcode that reaches over the end of its frame") }
      isInFrame = false
    }
    let byte = try input.byte()
    guard let opcode = PickleOpcode(rawValue: byte) else {
      throw heap.broken("the byte 0x\(String(byte, radix: 16)) is no opcode of a pickle")
    }
    try heap.charge(1)
    if !opcode.isTorch { heap.graph.isTorch = false }
    switch opcode {
    case .proto:
      let version = try input.byte()
      guard version <= 5 || offset == start && version < 9 else {
        throw heap.broken("pickle protocol \(version), which nobody knows")
      }
      if offset == start { heap.isMarked = true }
      guard version <= 5 else { throw heap.error(.unsupported, "pickle protocol \(version); 0 to 5 are known") }
    case .frame:
      let count = try input.integer(8)
      let (end, overflow) = input.position.addingReportingOverflow(Int(clamping: count))
      guard !overflow, input.byteCountLimit == .max || end - start <= input.byteCountLimit else {
        throw heap.broken("a frame of \(count) bytes")
      }
      guard !isInFrame else { throw heap.error(.malformed, "a frame inside of a frame") }
      frameEnd = end
      isInFrame = true
    case .stop: return try stop()
    case .mark: try pushMark()
    case .pop: try popValueOrMark()
    case .popMark: stack.removeSubrange(try popMark()...)
    case .duplicate:
      guard stack.count > floor, let top = stack.last else { throw underflow() }
      try push(top)
    case .none: try push(.none)
    case .newTrue: try push(.boolean(true))
    case .newFalse: try push(.boolean(false))
    case .int, .long, .binInt, .binInt1, .binInt2, .long1, .long4, .float, .binFloat:
      try push(try PickleNumbers.number(opcode, from: &input, in: &heap))
    case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode, .binUnicode8:
      try push(try PickleTexts.text(opcode, from: &input, in: &heap))
    case .binBytes: try pushBytes(Int(try input.integer(4)))
    case .shortBinBytes: try pushBytes(Int(try input.byte()))
    case .binBytes8: try pushBytes(try PickleNumbers.wideCount(from: &input, in: &heap))
    case .byteArray8: try pushBytes(try PickleNumbers.wideCount(from: &input, in: &heap), isArray: true)
    case .emptyTuple: try push(heap.graph.makeTuple([]))
    case .tuple1: try pushTuple(1)
    case .tuple2: try pushTuple(2)
    case .tuple3: try pushTuple(3)
    case .tuple: try makeTuple(from: try popMark())
    case .emptyList: try push(.list(try heap.makeList()))
    case .list: try makeList(from: try popMark())
    case .append: try append(from: stack.count - 1)
    case .appends: try append(from: try popMark())
    case .emptySet: try push(.set(list: try heap.makeList()))
    case .addItems: try addItems(from: try popMark())
    case .frozenSet: try makeFrozenSet(from: try popMark())
    case .emptyDict: try push(.dictionary(try heap.makeDictionary(.dict)))
    case .dict: try makeDictionary(from: try popMark())
    case .setItem: try setItems(from: stack.count - 2)
    case .setItems: try setItems(from: try popMark())
    case .put:
      // A file whose first byte happens to be this one is no pickle.
      guard stack.count > floor else { throw heap.broken("a PUT with nothing on the stack") }
      try put(try PickleNumbers.memoIndex(from: &input, in: &heap))
    case .binPut: try put(Int(try input.byte()))
    case .longBinPut: try put(Int(try input.integer(4)))
    case .memoize: try put(memo.count)
    case .get: try push(try memo.get(try PickleNumbers.memoIndex(from: &input, in: &heap), in: &heap))
    case .binGet: try push(try memo.get(Int(try input.byte()), in: &heap))
    case .longBinGet: try push(try memo.get(Int(try input.integer(4)), in: &heap))
    case .global: try push(try PickleGlobals.global(linesOf: &input, in: &heap))
    case .stackGlobal:
      let name = try pop()
      let module = try pop()
      try push(try PickleGlobals.global(module, name, in: &heap))
    case .binPersID: try push(try TorchStorages.storage(try pop(), dialect, in: &heap))
    case .persID:
      // Only pickle's own unpicklers know such identifiers, and raise an error without a program that knows them.
      while try input.line(limit: 1 << 16) == nil { try heap.charge(1024) }
      throw heap.broken("a persistent id that is a text")
    case .reduce, .newObject: try reduce()
    case .newObjectWithKeywords: try newObjectWithKeywords()
    case .instance: try instance()
    case .object: try object()
    case .build: try build()
    case .extension1, .extension2, .extension4:
      // The registry is empty unless a program fills it, and such a program's pickles say that they are some.
      throw heap.broken("an object of the extension registry, which may be anything")
    case .nextBuffer, .readOnlyBuffer: throw heap.broken("a buffer that is outside of the pickle")
    }
    return true
  }

  private mutating func stop() throws(FormatError) -> Bool {
    guard !isInFrame || input.position == frameEnd else {
      throw heap.error(.malformed, "the opcode STOP before the end of its frame")
    }
    guard let root = stack.last, stack.count > floor else { throw heap.broken("the opcode STOP without an object") }
    guard heap.purpose == .judgement || stack.count == 1 && marks.isEmpty else {
      throw heap.error(.malformed, "the opcode STOP leaves \(stack.count) objects on the stack instead of one")
    }
    heap.graph.root = root
    return false
  }

  private mutating func put(_ index: Int) throws(FormatError) {
    guard let top = stack.last, stack.count > floor else { throw heap.broken("a PUT with nothing on the stack") }
    try memo.put(top, at: index, in: &heap)
  }

  private mutating func pushBytes(_ count: Int, isArray: Bool = false) throws(FormatError) {
    try push(try PickleTexts.bytes(count, isArray: isArray, from: &input, in: &heap))
  }

  // MARK: The stack

  /// Height below which the current opcode may not reach.
  private var floor: Int { Int(marks.last ?? 0) }

  private mutating func underflow() -> FormatError { heap.broken("an opcode needs more objects than are on the stack") }

  private mutating func push(_ reference: PickleReference) throws(FormatError) {
    guard stack.count < Self.stackLimit else {
      throw heap.error(.limit, "more than \(Self.stackLimit) objects on the stack")
    }
    stack.append(reference)
  }

  /// Pops the topmost value, which must be above the last MARK.
  private mutating func pop() throws(FormatError) -> PickleReference {
    guard stack.count > floor, let reference = stack.popLast() else { throw underflow() }
    return reference
  }

  /// POP: takes away a value, or the MARK if it is on top.
  private mutating func popValueOrMark() throws(FormatError) {
    if stack.count > floor {
      stack.removeLast()
    } else {
      _ = try popMark()
    }
  }

  /// Opens a MARK.
  private mutating func pushMark() throws(FormatError) {
    guard marks.count < Self.markLimit else {
      throw heap.error(.limit, "more than \(Self.markLimit) open MARKs")
    }
    marks.append(UInt32(truncatingIfNeeded: stack.count))
  }

  /// Closes the last MARK; returns the stack's height there.
  private mutating func popMark() throws(FormatError) -> Int {
    guard let mark = marks.popLast() else { throw heap.broken("an opcode needs a MARK, and none is open") }
    return Int(mark)
  }

  // MARK: Containers

  /// Replaces the topmost `count` values by a tuple of them.
  private mutating func pushTuple(_ count: Int) throws(FormatError) {
    let start = stack.count - count
    guard start >= floor else { throw underflow() }
    try makeTuple(from: start)
  }

  /// Replaces the values from `start` on by a tuple of them.
  private mutating func makeTuple(from start: Int) throws(FormatError) {
    let tuple = try heap.makeTuple(stack[start...])
    stack.removeSubrange(start...)
    try push(tuple)
  }

  /// Replaces the values from `start` on by a list of them.
  private mutating func makeList(from start: Int) throws(FormatError) {
    let index = try heap.makeList()
    try heap.add(stack[start...], toList: index)
    stack.removeSubrange(start...)
    try push(.list(index))
  }

  /// Replaces keys and values from `start` on by a dictionary of them.
  private mutating func makeDictionary(from start: Int) throws(FormatError) {
    let index = try heap.makeDictionary(.dict)
    try heap.add(stack[start...], toDictionary: index)
    stack.removeSubrange(start...)
    try push(.dictionary(index))
  }

  /// Replaces the values from `start` on by a frozen set of them.
  private mutating func makeFrozenSet(from start: Int) throws(FormatError) {
    try heap.checkHashable(stack[start...])
    let index = try heap.makeList()
    try heap.add(stack[start...], toList: index)
    stack.removeSubrange(start...)
    try push(.frozenSet(list: index))
  }

  /// The container below the values from `start` on.
  private mutating func container(below start: Int) throws(FormatError) -> PickleReference {
    guard start > floor, start <= stack.count else { throw underflow() }
    return stack[start - 1]
  }

  /// APPEND and APPENDS: moves the values from `start` on into the list below them.
  private mutating func append(from start: Int) throws(FormatError) {
    let list = try container(below: start)
    switch heap.value(list) {
    case .list(let index): try heap.add(stack[start...], toList: index)
    case .object(let index) where heap.graph.objects[index].isSequence: break
    // What a program's object is given is left out.
    case .foreign: try heap.checkForeign(list)
    default: throw heap.error(.forbidden, "APPEND to an object that is not a list")
    }
    stack.removeSubrange(start...)
  }

  /// ADDITEMS: moves the values from `start` on into the set below them.
  private mutating func addItems(from start: Int) throws(FormatError) {
    let set = try container(below: start)
    switch heap.value(set) {
    case .set(let list?):
      try heap.checkHashable(stack[start...])
      try heap.add(stack[start...], toList: list)
    case .foreign: try heap.checkForeign(set)
    default: throw heap.error(.forbidden, "ADDITEMS to an object that is not a set")
    }
    stack.removeSubrange(start...)
  }

  /// SETITEM and SETITEMS: moves the keys and values from `start` on into the dictionary below them.
  private mutating func setItems(from start: Int) throws(FormatError) {
    let dictionary = try container(below: start)
    switch heap.value(dictionary) {
    case .dictionary(let index): try heap.add(stack[start...], toDictionary: index)
    case .foreign: try heap.checkForeign(dictionary)
    default: throw heap.error(.forbidden, "SETITEM on an object that is not a dictionary")
    }
    stack.removeSubrange(start...)
  }

  // MARK: Calls

  /// REDUCE and NEWOBJ: a callable and its arguments.
  private mutating func reduce() throws(FormatError) {
    let argument = try pop()
    let callee = try pop()
    try push(try PickleCalls.call(callee, with: argument, in: &heap))
  }

  /// NEWOBJ_EX: the same with keywords, of which there must be none.
  private mutating func newObjectWithKeywords() throws(FormatError) {
    let keywords = try pop()
    if case .dictionary(let index) = heap.value(keywords), heap.graph.dictionaries[index].isEmpty {
      return try reduce()
    }
    guard heap.purpose == .stateDict else { throw heap.error(.forbidden, "an object made with keywords") }
    _ = try pop()
    try heap.checkForeign(try pop())
    try push(.foreign(0))
  }

  /// INST: a class in two lines, and its arguments on the stack.
  private mutating func instance() throws(FormatError) {
    let callee = try PickleGlobals.global(linesOf: &input, in: &heap)
    try pushInstance(of: callee, from: try popMark())
  }

  /// OBJ: a class on the stack, and its arguments above it.
  private mutating func object() throws(FormatError) {
    let start = try popMark()
    guard start < stack.count else { throw underflow() }
    let callee = stack.remove(at: start)
    try pushInstance(of: callee, from: start)
  }

  private mutating func pushInstance(of callee: PickleReference, from start: Int) throws(FormatError) {
    try makeTuple(from: start)
    let arguments = try pop()
    try push(try PickleCalls.call(callee, with: arguments, in: &heap))
  }

  /// BUILD: gives an object its state.
  private mutating func build() throws(FormatError) {
    let state = try pop()
    guard stack.count > floor, let top = stack.last else { throw underflow() }
    if let array = try PickleCalls.setState(state, of: top, in: &heap) { try skip(array) }
  }

  private mutating func skip(_ array: JoblibArray) throws(FormatError) {
    hasArrays = true
    guard skipsArrays else { return }
    guard frameEnd == 0 || frameEnd == input.position else {
      throw heap.error(.malformed, "an array of joblib that does not follow its description")
    }
    isInFrame = false
    let count = try array.byteCount(in: heap)
    if array.isPadded { try input.skip(Int(try input.byte())) }
    try input.skip(count)
  }
}
