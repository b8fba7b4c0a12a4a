import Tensors

/// An interpreter of the pickles that torch writes. It builds descriptions of objects and calls nothing.
///
/// It knows the opcodes that `torch.load(weights_only=True)` knows (less NEWOBJ, which weights do not need) and the globals of
/// ``PickleGlobal``; calls and states are accepted in exactly the shapes that torch's own pickler writes. Opcodes:
/// CPython's Lib/pickletools.py.
///
/// Limits: 32 MiB of pickle, 1 Mi values on the stack, and a ``MemoryBudget`` for everything that it describes; time is
/// proportional to the pickle's size, whatever it says.
struct PickleMachine: ~Copyable {
  /// How storages are referred to.
  enum Dialect {
    /// No references: torch's small headers.
    case plain
    /// `('storage', class, key, location, element count)`.
    case zip
    /// The same with a sixth element: None, or `(key, offset, element count)` of a view.
    case legacy
  }

  static let operationLimit = 32 << 20
  static let stackLimit = 1 << 20
  static let markLimit = 1 << 18

  let dialect: Dialect
  var input: PickleInput
  var graph = PickleGraph()
  var stack: [PickleReference] = []
  /// Stack heights at the MARKs that are open.
  var marks: [UInt32] = []
  private var memo: [PickleReference] = []
  /// Bytes paid for the stack.
  private var workspace = 0
  /// Opcodes run, and elements copied.
  private var operations = 0
  /// Where the current opcode stands.
  private(set) var offset = 0

  private init(_ input: PickleInput, dialect: Dialect) {
    self.input = input
    self.dialect = dialect
  }

  /// Runs the pickle that begins where `input` stands.
  ///
  /// - Returns: the objects, how many bytes the pickle took, and what is left of the input's budget.
  static func run(_ input: PickleInput, dialect: Dialect) throws(FormatError) -> Outcome {
    var machine = PickleMachine(input, dialect: dialect)
    try machine.prepare()
    try machine.readProtocol()
    while try machine.step() {}
    machine.graph.bytes = machine.input.bytes
    machine.input.budget.release(machine.memo.count * 4 + machine.workspace)
    machine.memo = []
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

  /// Pays for the stack and makes room for what the pickle can describe. Torch's small headers need neither.
  private mutating func prepare() throws(FormatError) {
    guard dialect != .plain, input.byteCountLimit > 1 << 16 else { return }
    workspace = min(input.byteCountLimit, PickleMachine.stackLimit + PickleMachine.markLimit) * 4
    try input.budget.charge(workspace)
    stack.reserveCapacity(min(input.byteCountLimit, PickleMachine.stackLimit))
    marks.reserveCapacity(min(input.byteCountLimit, PickleMachine.markLimit))
    memo.reserveCapacity(min(input.byteCountLimit, input.budget.available) / 4)
    graph.reserve(byteCount: input.byteCountLimit, memory: input.budget.available)
  }

  /// An error about the current opcode.
  func error(_ code: FormatError.Code, _ message: String) -> FormatError { input.error(code, message, at: offset) }

  /// Counts `amount` units of work that the pickle asked for.
  mutating func charge(_ amount: Int) throws(FormatError) {
    operations += amount
    guard operations <= PickleMachine.operationLimit else {
      throw error(.limit, "the pickle takes more than \(PickleMachine.operationLimit) operations")
    }
  }

  private mutating func readProtocol() throws(FormatError) {
    guard try input.byte() == Opcode.proto.rawValue else {
      throw error(.malformed, "expected the opcode PROTO: this is no pickle of protocol 2 or 3")
    }
    let version = try input.byte()
    guard version == 2 || version == 3 else {
      throw error(.unsupported, "pickle protocol \(version); torch's weights_only loader takes 2 and 3")
    }
  }

  /// Runs one opcode; returns false after STOP.
  private mutating func step() throws(FormatError) -> Bool {
    offset = input.position
    let byte = try input.byte()
    guard let opcode = Opcode(rawValue: byte) else {
      throw error(.forbidden, "the opcode \(Opcode.name(of: byte)) is not allowed in weights")
    }
    try charge(1)
    switch opcode {
    case .proto: throw error(.malformed, "the opcode PROTO inside a pickle")
    case .stop:
      guard stack.count == 1, marks.isEmpty else {
        throw error(.malformed, "the opcode STOP leaves \(stack.count) objects on the stack instead of one")
      }
      graph.root = stack[0]
      return false
    case .mark: try pushMark()
    case .none: try push(.none)
    case .newTrue: try push(.boolean(true))
    case .newFalse: try push(.boolean(false))
    case .binInt1: try push(.integer(UInt16(try input.byte())))
    case .binInt2: try push(.integer(UInt16(truncatingIfNeeded: try input.integer(2))))
    case .binInt:
      _ = try input.take(4)
      try push(.integer(at: offset))
    case .long1: try pushLong()
    case .binFloat:
      _ = try input.take(8)
      try push(.float(at: offset))
    case .binUnicode: try pushString(Int(try input.integer(4)))
    case .shortBinString: try pushString(Int(try input.byte()))
    case .emptyTuple: try push(graph.makeTuple([]))
    case .tuple1: try pushTuple(1)
    case .tuple2: try pushTuple(2)
    case .tuple3: try pushTuple(3)
    case .tuple: try makeTuple(from: try popMark())
    case .emptyList: try pushList()
    case .emptySet: try push(.set(list: nil))
    case .emptyDict: try push(.dictionary(try makeDictionary(.dict)))
    case .append: try append(from: stack.count - 1)
    case .appends: try append(from: try popMark())
    case .setItem: try setItems(from: stack.count - 2)
    case .setItems: try setItems(from: try popMark())
    case .binPut: try put(Int(try input.byte()))
    case .longBinPut: try put(Int(try input.integer(4)))
    case .binGet: try get(Int(try input.byte()))
    case .longBinGet: try get(Int(try input.integer(4)))
    case .global: try pushGlobal()
    case .binPersID: try pushStorage()
    case .reduce: try reduce()
    case .build: try build()
    }
    return true
  }

  private mutating func put(_ index: Int) throws(FormatError) {
    guard let top = stack.last, stack.count > floor else {
      throw error(.malformed, "a PUT with nothing on the stack")
    }
    // A pickler numbers what it memoizes, so an index beyond the number of opcodes is not from one.
    guard index <= operations else { throw error(.malformed, "a PUT to the memo at \(index), far beyond its end") }
    if index >= memo.count {
      try input.budget.charge(4 * (index + 1 - memo.count))
      memo.append(contentsOf: repeatElement(.absent, count: index + 1 - memo.count))
    }
    memo[index] = top
  }

  private mutating func get(_ index: Int) throws(FormatError) {
    guard index < memo.count, memo[index] != .absent else {
      throw error(.malformed, "a GET from the memo at \(index), where nothing was put")
    }
    try push(memo[index])
  }
}
