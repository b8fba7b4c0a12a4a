import Tensors

/// An interpreter of pickles, protocols 0 to 5. It builds descriptions of objects; nothing is imported and nothing is called.
///
/// The globals are those of ``PickleGlobal``; calls and states are accepted in exactly the shapes that picklers write.
///
/// Limits: 1 Mi values on the stack, and a ``MemoryBudget`` for everything that a pickle describes; time is proportional to the
/// pickle's size, whatever it says.
struct PickleMachine: ~Copyable {
  /// How storages are referred to.
  enum Dialect {
    /// No references: torch's small headers.
    case plain
    /// `('storage', class, key, location, element count)`.
    case zip
    /// The same with a sixth element: None, or `(key, offset, element count)` of a view.
    case legacy
    /// Either of the two.
    case any
  }

  /// What a pickle is read for.
  enum Purpose {
    /// Its tensors, and everything else must be data.
    case weights
    /// Its tensors alone. What belongs to programs is named and left out.
    case stateDict
    /// To know whether unpickling it makes data and nothing else. Long containers and texts are not kept.
    case judgement
  }

  static let stackLimit = 1 << 20
  static let markLimit = 1 << 18
  /// Containers of a judged pickle keep so many elements.
  static let judgedElementLimit = 256

  let dialect: Dialect
  let purpose: Purpose
  var input: PickleInput
  var arena = PickleArena()
  var graph = PickleGraph()
  var stack: [PickleReference] = []
  /// Stack heights at the MARKs that are open.
  var marks: [UInt32] = []
  private var memo: [PickleReference] = []
  /// What a judged pickle put where no pickler would.
  private var farMemo: [Int: PickleReference] = [:]
  /// Places of the memo that are taken, which is the next one that MEMOIZE takes.
  private var memoized = 0
  /// Bytes paid for the stack.
  private var workspace = 0
  /// Opcodes run, and elements copied.
  private var operations = 0
  /// Where the current opcode stands.
  private(set) var offset = 0
  /// Whether the pickle begins as pickles have since protocol 2.
  private var isMarked = false
  /// Whether an opcode failed that fails in every unpickler.
  private(set) var isBroken = false
  /// Whether arrays of joblib follow their descriptions, and are not read as opcodes.
  let skipsArrays: Bool
  /// Whether there were such arrays.
  var hasArrays = false
  /// Where the pickle begins.
  private let start: Int
  /// Where the current frame ends.
  private(set) var frameEnd = 0
  /// Whether the frame goes on.
  var isInFrame = false

  private init(_ input: PickleInput, dialect: Dialect, purpose: Purpose, skipsArrays: Bool) {
    self.input = input
    self.dialect = dialect
    self.purpose = purpose
    self.skipsArrays = skipsArrays
    start = input.position
    // The one float of a judged pickle: nobody needs to know what its floats are.
    if purpose == .judgement { _ = arena.add(float: [UInt8](repeating: 0, count: 8)) }
  }

  /// Runs the pickle that begins where `input` stands.
  ///
  /// - Returns: the objects, how many bytes the pickle took, and what is left of the input's budget.
  static func run(
    _ input: PickleInput, dialect: Dialect, purpose: Purpose = .weights
  ) throws(FormatError) -> Outcome {
    var machine = PickleMachine(input, dialect: dialect, purpose: purpose, skipsArrays: false)
    try machine.prepare()
    while try machine.step() {}
    machine.finish()
    if let key = try machine.graph.repeatedKey(&machine.input.budget) {
      var name = ""
      if case .string(let text) = key { name = " " + machine.graph.string(text).prefix(80).debugDescription }
      throw FormatError(.malformed, "\(input.what): a dictionary has the key\(name) twice")
    }
    return Outcome(graph: machine.graph, byteCount: machine.input.position, budget: machine.input.budget)
  }

  /// What a pickle was.
  struct Outcome {
    var graph: PickleGraph
    var byteCount: Int
    var budget: MemoryBudget
  }

  /// What is known of a pickle that was judged.
  enum Judgement {
    /// Unpickling makes data.
    case inert(root: PickleValue, digits: [UInt8], hasStorages: Bool, hasArrays: Bool, rest: PickleInput)
    /// No unpickler gets through, and until then nothing was run.
    case broken(FormatError)
  }

  /// Judges the pickle that `input` stands at.
  ///
  /// - Throws: why the pickle is not known to be inert.
  static func judge(_ input: PickleInput, dialect: Dialect, skipsArrays: Bool) throws(FormatError) -> Judgement {
    var machine = PickleMachine(input, dialect: dialect, purpose: .judgement, skipsArrays: skipsArrays)
    do throws(FormatError) {
      while try machine.step() {}
    } catch {
      // A file without the mark of a pickle, such as a text, is soon no pickle. One with the mark is more than suspect.
      // Arrays that are read as opcodes soon end it, too.
      guard machine.isBroken || error.code == .truncated, !machine.isMarked || machine.hasArrays else { throw error }
      return .broken(error)
    }
    machine.finish()
    if let name = machine.graph.foreignNames.first {
      throw FormatError(.forbidden, "\(machine.input.what): it names the global \(name), which may be a program")
    }
    let root = machine.graph.value(machine.graph.root)
    var digits: [UInt8] = []
    if case .wideInteger(let text) = root { digits = Array(machine.graph.arena.records[text.range]) }
    return .inert(
      root: root, digits: digits, hasStorages: !machine.graph.storages.isEmpty, hasArrays: machine.hasArrays,
      rest: machine.input)
  }

  private mutating func finish() {
    graph.arena = arena
    input.budget.release(memo.count * 4 + workspace)
    memo = []
  }

  /// Pays for the stack and makes room for what the pickle can describe. Torch's small headers need neither.
  private mutating func prepare() throws(FormatError) {
    guard dialect != .plain, input.byteCountLimit > 1 << 16 else { return }
    workspace = min(input.byteCountLimit, PickleMachine.stackLimit + PickleMachine.markLimit) * 4
    try input.budget.charge(workspace)
    stack.reserveCapacity(min(input.byteCountLimit, PickleMachine.stackLimit))
    marks.reserveCapacity(min(input.byteCountLimit, PickleMachine.markLimit))
    memo.reserveCapacity(min(input.byteCountLimit, input.budget.available) / 4)
    arena.reserve(min(input.byteCountLimit, input.budget.available))
    graph.reserve(byteCount: input.byteCountLimit, memory: input.budget.available)
  }

  /// An error about the current opcode.
  func error(_ code: FormatError.Code, _ message: String) -> FormatError { input.error(code, message, at: offset) }

  /// The same for an opcode that fails in every unpickler, whatever it is used for.
  mutating func broken(_ message: String) -> FormatError {
    isBroken = true
    return error(.malformed, message)
  }

  /// The most that `charge` lets a pickle ask for.
  static let operationLimit = 32 << 20

  /// Counts `amount` units of work that the pickle asked for.
  mutating func charge(_ amount: Int) throws(FormatError) {
    operations += amount
    guard operations <= PickleMachine.operationLimit else {
      throw error(.limit, "the pickle takes more than \(PickleMachine.operationLimit) operations")
    }
  }

  /// Runs one opcode; returns false after STOP.
  private mutating func step() throws(FormatError) -> Bool {
    offset = input.position
    if isInFrame, offset >= frameEnd {
      // What an unpickler makes of this depends on how it reads: some lose the rest of the frame.
      guard offset == frameEnd else { throw error(.malformed, "an opcode that reaches over the end of its frame") }
      isInFrame = false
    }
    let byte = try input.byte()
    guard let opcode = Opcode(rawValue: byte) else {
      throw broken("the byte 0x\(String(byte, radix: 16)) is no opcode of a pickle")
    }
    try charge(1)
    if !opcode.isTorch { graph.isTorch = false }
    switch opcode {
    case .proto:
      let version = try input.byte()
      guard version <= 5 || offset == start && version < 9 else {
        throw broken("pickle protocol \(version), which nobody knows")
      }
      if offset == start { isMarked = true }
      guard version <= 5 else { throw error(.unsupported, "pickle protocol \(version); 0 to 5 are known") }
    case .frame:
      let count = try input.integer(8)
      let (end, overflow) = input.position.addingReportingOverflow(Int(clamping: count))
      guard !overflow, input.byteCountLimit == .max || end - start <= input.byteCountLimit else {
        throw broken("a frame of \(count) bytes")
      }
      guard !isInFrame else { throw error(.malformed, "a frame inside of a frame") }
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
    case .int, .long, .binInt, .binInt1, .binInt2, .long1, .long4, .float, .binFloat: try pushNumber(opcode)
    case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode, .binUnicode8:
      try pushText(opcode)
    case .binBytes: try pushBytes(Int(try input.integer(4)))
    case .shortBinBytes: try pushBytes(Int(try input.byte()))
    case .binBytes8: try pushBytes(try wideCount())
    case .byteArray8: try pushBytes(try wideCount(), isArray: true)
    case .emptyTuple: try push(graph.makeTuple([]))
    case .tuple1: try pushTuple(1)
    case .tuple2: try pushTuple(2)
    case .tuple3: try pushTuple(3)
    case .tuple: try makeTuple(from: try popMark())
    case .emptyList: try pushList()
    case .list: try makeList(from: try popMark())
    case .append: try append(from: stack.count - 1)
    case .appends: try append(from: try popMark())
    case .emptySet: try pushSet()
    case .addItems: try addItems(from: try popMark())
    case .frozenSet: try makeFrozenSet(from: try popMark())
    case .emptyDict: try push(.dictionary(try makeDictionary(.dict)))
    case .dict: try makeDictionary(from: try popMark())
    case .setItem: try setItems(from: stack.count - 2)
    case .setItems: try setItems(from: try popMark())
    case .put:
      // A file whose first byte happens to be this one is no pickle.
      guard stack.count > floor else { throw broken("a PUT with nothing on the stack") }
      try put(try index())
    case .binPut: try put(Int(try input.byte()))
    case .longBinPut: try put(Int(try input.integer(4)))
    case .memoize: try put(memoized)
    case .get: try get(try index())
    case .binGet: try get(Int(try input.byte()))
    case .longBinGet: try get(Int(try input.integer(4)))
    case .global: try pushGlobal()
    case .stackGlobal: try pushStackGlobal()
    case .binPersID: try pushStorage()
    case .persID:
      // Only pickle's own unpicklers know such identifiers, and raise an error without a program that knows them.
      while try input.line(limit: 1 << 16) == nil { try charge(1024) }
      throw broken("a persistent id that is a text")
    case .reduce: try reduce()
    case .newObject: try newObject()
    case .newObjectWithKeywords: try newObjectWithKeywords()
    case .instance: try instance()
    case .object: try object()
    case .build: try build()
    case .extension1, .extension2, .extension4:
      // The registry is empty unless a program fills it, and such a program's pickles say that they are some.
      throw broken("an object of the extension registry, which may be anything")
    case .nextBuffer, .readOnlyBuffer: throw broken("a buffer that is outside of the pickle")
    }
    return true
  }

  private mutating func stop() throws(FormatError) -> Bool {
    guard !isInFrame || input.position == frameEnd else {
      throw error(.malformed, "the opcode STOP before the end of its frame")
    }
    guard let root = stack.last, stack.count > floor else { throw broken("the opcode STOP without an object") }
    guard purpose == .judgement || stack.count == 1 && marks.isEmpty else {
      throw error(.malformed, "the opcode STOP leaves \(stack.count) objects on the stack instead of one")
    }
    graph.root = root
    return false
  }

  private mutating func put(_ index: Int) throws(FormatError) {
    guard let top = stack.last, stack.count > floor else { throw broken("a PUT with nothing on the stack") }
    // A pickler numbers what it memoizes, so an index beyond the number of opcodes is not from one.
    guard index <= operations else {
      guard purpose == .judgement, farMemo.count < 1024 else {
        throw error(.malformed, "a PUT to the memo at \(index), far beyond its end")
      }
      if farMemo.updateValue(top, forKey: index) == nil { memoized += 1 }
      return
    }
    if !farMemo.isEmpty, farMemo.removeValue(forKey: index) != nil { memoized -= 1 }
    if index >= memo.count {
      try input.budget.charge(4 * (index + 1 - memo.count))
      memo.append(contentsOf: repeatElement(.absent, count: index + 1 - memo.count))
    }
    if memo[index] == .absent { memoized += 1 }
    memo[index] = top
  }

  private mutating func get(_ index: Int) throws(FormatError) {
    if !farMemo.isEmpty, let far = farMemo[index] { return try push(far) }
    guard index < memo.count, memo[index] != .absent else {
      throw broken("a GET from the memo at \(index), where nothing was put")
    }
    try push(memo[index])
  }

  /// The number in a line of GET or PUT.
  private mutating func index() throws(FormatError) -> Int {
    let line = try numberLine("a memo index", of: "0123456789+-_ \t\r\u{B}\u{C}")
    guard line.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let index = Int(String(decoding: line, as: UTF8.self)) else {
      throw error(.malformed, "a memo index that is not plain")
    }
    return index
  }

  /// Whether the pickle says that it is one.
  var saysWhatItIs: Bool { isMarked }
}
