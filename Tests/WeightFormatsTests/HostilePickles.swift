import TestSupport

private typealias P = TestPickle

extension HostileFile {
  /// As many repetitions of `unit` as make up `byteCount` bytes.
  private static func fill(_ byteCount: Int, _ unit: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount + unit.count)
    while bytes.count < byteCount { bytes += unit }
    return bytes
  }

  /// Nearly as much pickle as is accepted.
  private static let much = 31 << 20
  private static let storage = P.storage(count: 4)
  private static let tensor = P.tensor(storage, shape: [4], strides: [1])

  /// A pickle of one list that `unit` appends to, again and again; `start` comes first.
  private static func listOf(_ unit: [UInt8], after start: [UInt8] = [], byteCount: Int = much) -> [UInt8] {
    P.whole(start + P.text("]") + fill(byteCount, unit + P.text("a")))
  }

  /// A value that is put at `index`, and stays in a tuple with what follows.
  private static func put(_ value: [UInt8], _ index: UInt8) -> [UInt8] { value + P.text("q") + [index] }

  private static func get(_ index: UInt8) -> [UInt8] { P.text("h") + [index] }

  /// A list, dict or tuple that holds the one before it twice, `levels` times.
  private static func laughs(_ levels: UInt8, _ level: (UInt8) -> [UInt8]) -> [UInt8] {
    P.whole(P.text("(") + put(P.text("]"), 0) + (1...levels).flatMap { put(level($0 - 1), $0) } + P.text("t"))
  }

  /// What can be described with few bytes and takes many.
  static let bombs: [HostileFile] = [
    HostileFile(pickle: "memo: one object put again and again") { P.whole(P.text("N") + fill(much, P.text("q\u{0}"))) },
    HostileFile(pickle: "memo: millions of entries") {
      var bytes = P.text("N")
      for index in 0..<UInt32(much / 5) { bytes += P.text("r") + little(index) }
      return P.whole(bytes)
    },
    HostileFile(pickle: "memo: an entry at four billion") { P.whole(P.text("Nr") + little(UInt32.max)) },
    HostileFile(pickle: "tuples, each in the next") { P.whole(P.text(")") + fill(much, [0x85])) },
    HostileFile(pickle: "tuples of three, each in the next") {
      P.whole(P.text(")") + fill(much, P.text("NN") + [0x87]))
    },
    HostileFile(pickle: "lists, each in the next") {
      P.whole([UInt8](repeating: 0x5D, count: much / 2) + [UInt8](repeating: 0x61, count: much / 2 - 1))
    },
    HostileFile(pickle: "as many values as there are bytes") { P.whole(fill(much, P.text("N"))) },
    HostileFile(pickle: "as many dicts as there are bytes") { P.whole(fill(much, P.text("}"))) },
    HostileFile(pickle: "a list of empty dicts") { listOf(P.text("}")) },
    HostileFile(pickle: "a list of empty lists") { listOf(P.text("]")) },
    HostileFile(pickle: "a list of lists of one") { listOf(P.text("]Na")) },
    HostileFile(pickle: "a list of dicts of one") { listOf(P.text("}NNs")) },
    HostileFile(pickle: "a list of tuples of one") { listOf(P.text("N") + [0x85]) },
    HostileFile(pickle: "a list of numbers") { listOf(P.text("K\u{0}")) },
    HostileFile(pickle: "a list of long numbers") { listOf([0x8A, 255] + [UInt8](repeating: 7, count: 255)) },
    HostileFile(pickle: "a list of floats") { listOf(P.text("G") + [UInt8](repeating: 0, count: 8)) },
    HostileFile(pickle: "a list of empty strings") { listOf(P.text("U\u{0}")) },
    HostileFile(pickle: "a list of OrderedDicts") {
      listOf(P.text("h\u{0})R"), after: P.text("(") + put(P.global("collections", "OrderedDict"), 0))
    },
    HostileFile(pickle: "a list of globals") { listOf(P.global("torch", "Size")) },
    HostileFile(pickle: "a list of storages") { listOf(storage) },
    HostileFile(pickle: "a list of tensors") { listOf(tensor) },
    HostileFile(pickle: "a list of tensors of 64 dimensions") {
      let ones = [Int](repeating: 1, count: 64)
      return listOf(P.tensor(storage, shape: ones, strides: ones))
    },
    HostileFile(pickle: "a list of one tensor") {
      P.whole(P.text("(]") + put(tensor, 0) + fill(much, P.text("h\u{0}a")))
    },
    HostileFile(pickle: "one tensor under a million names") {
      var bytes = P.text("(") + put(tensor, 0) + P.text("}(")
      for index in 0..<1_000_000 { bytes += P.string(String(index)) + get(0) }
      return P.whole(bytes + P.text("ut"))
    },
    HostileFile(pickle: "a long name in sixty levels") {
      let key = put(P.string(String(repeating: "k", count: 1 << 20)), 1)
      let levels = fill(60 * 3, P.text("}h\u{1}"))
      return P.whole(P.text("(") + key + levels + tensor + [UInt8](repeating: 0x73, count: 60) + P.text("t"))
    },
    HostileFile(pickle: "open marks") { P.whole(fill(much, P.text("("))) },
    HostileFile(pickle: "open marks over values") { P.whole(fill(much, P.text("(N"))) },
    HostileFile(pickle: "lists that hold the one before twice") {
      laughs(200) { P.text("](") + get($0) + get($0) + P.text("e") }
    },
    HostileFile(pickle: "dicts that hold the one before twice") {
      laughs(200) { P.text("}(N") + get($0) + [0x88] + get($0) + P.text("u") }
    },
    HostileFile(pickle: "tuples that hold the one before twice") { laughs(200) { get($0) + get($0) + [0x86] } },
    HostileFile(pickle: "a string of four gigabytes") { P.whole(P.text("X") + little(UInt32.max)) },
    HostileFile(pickle: "a long string that is not UTF-8") {
      P.whole(P.text("X") + little(UInt32(much)) + [UInt8](repeating: 0x61, count: much - 1) + [0xFF])
    },
    HostileFile(pickle: "a key that comes twice among many") {
      var bytes = P.text("}(")
      for index in 0..<1_200_000 { bytes += P.text("J") + little(Int32(index % 1_199_999)) + P.text("N") }
      return P.whole(bytes + P.text("u"))
    },
    HostileFile(pickle: "string keys that come twice among many") {
      var bytes = P.text("}")
      for batch in 0..<800 {
        bytes += P.text("(")
        for index in 0..<1000 {
          bytes += P.text("U") + [8] + Array(String(10_000_000 + batch * 1000 + index).utf8) + P.text("N")
        }
        bytes += P.text("u")
      }
      return P.whole(bytes + P.text("(U") + [8] + Array("10000000".utf8) + P.text("Nu"))
    },
    HostileFile(pickle: "attributes copied again and again") {
      var bytes = P.text("(") + put(P.global("collections", "OrderedDict"), 0) + put(P.text("}"), 1) + P.text("(")
      for index in 0..<10_000 { bytes += P.string("a\(index)") + P.text("N") }
      return P.whole(bytes + P.text("u]") + fill(much / 2, P.text("h\u{0})Rh\u{1}ba")) + P.text("t"))
    },
    HostileFile(pickle: "dicts made of one long list") {
      let list = put(P.text("]"), 1) + P.text("(") + fill(1 << 19, P.text("NN") + [0x86]) + P.text("e")
      let call = get(0) + get(1) + [0x85] + P.text("Ra")
      return P.whole(
        P.text("(") + put(P.global("collections", "OrderedDict"), 0) + list + P.text("]") + fill(1 << 20, call)
          + P.text("t"))
    },
    HostileFile(pickle: "sets made of one long list") {
      let list = put(P.text("]"), 1) + P.text("(") + fill(1 << 19, P.text("N")) + P.text("e")
      let call = get(0) + get(1) + [0x85] + P.text("Ra")
      return P.whole(
        P.text("(") + put(P.global("__builtin__", "set"), 0) + list + P.text("]") + fill(much / 2, call) + P.text("t"))
    },
    HostileFile(pickle: "sizes made of one long tuple") {
      let tuple = put(P.text("(") + fill(1 << 19, P.text("K\u{1}")) + P.text("t") + [0x85], 1)
      let call = get(0) + get(1) + P.text("Ra")
      return P.whole(
        P.text("(") + put(P.global("torch", "Size"), 0) + tuple + P.text("]") + fill(much / 2, call) + P.text("t"))
    },
    HostileFile(pickle: "bytes made of one long string") {
      let text = put(P.string(String(repeating: "x", count: 1 << 20)) + P.string("latin1") + [0x86], 1)
      let call = get(0) + get(1) + P.text("Ra")
      return P.whole(
        P.text("(") + put(P.global("_codecs", "encode"), 0) + text + P.text("]") + fill(much / 2, call) + P.text("t"))
    },
    HostileFile(pickle: "tensors beside a deep stack") {
      let call = P.text("h\u{0}(") + get(1) + P.text("K\u{0})))")  // too few arguments, after a stack of a million
      return P.whole(
        fill(1_000_000, P.text("N")) + put(P.global("torch._utils", "_rebuild_tensor"), 0) + call + P.text("tR"))
    },
    HostileFile(pickle: "dicts made under a deep stack") {
      P.whole(
        fill(900_000, P.text("N")) + put(P.global("collections", "OrderedDict"), 0) + P.text("]")
          + fill(much / 2, P.text("h\u{0})Ra")))
    },
    HostileFile(pickle: "a million modules in _metadata") {
      var bytes = P.orderedDict + P.string("w") + tensor + P.text("s}") + P.string("_metadata") + put(P.orderedDict, 1)
      bytes += P.text("(")
      for index in 0..<400_000 { bytes += P.string("m\(index)") + P.text("}") }
      return P.whole(bytes + P.text("usb"))
    },
    HostileFile(pickle: "a thousand fields for each of a thousand modules") {
      var fields = P.text("}(")
      for index in 0..<1000 { fields += P.string("f\(index)") + P.text("K\u{1}") }
      fields = put(fields + P.text("u"), 1)
      var modules = P.orderedDict + P.text("(") + P.string("m") + fields
      for index in 0..<1000 { modules += P.string("m\(index)") + get(1) }
      modules += P.text("u")
      return P.whole(
        P.orderedDict + P.string("w") + tensor + P.text("s}") + P.string("_metadata") + modules + P.text("sb"))
    },
    HostileFile(pickle: "containers of a tensor, too deep") {
      P.dict([("w", [UInt8](repeating: 0x5D, count: 10_000) + tensor + [UInt8](repeating: 0x61, count: 10_000))])
    },
    HostileFile(pickle: "a tensor of a petabyte") {
      P.dict([("w", P.tensor(storage, shape: [1 << 48], strides: [0]))])
    },
    HostileFile(pickle: "many tensors that repeat one element") {
      P.dict((0..<1000).map { ("w\($0)", P.tensor(storage, shape: [1 << 20, $0 + 1], strides: [0, 0])) })
    },
    HostileFile(pickle: "more pickle than is accepted") {
      P.whole(P.text("X") + little(UInt32(33 << 20)) + fill(33 << 20, [0x61]))
    },
    HostileFile(pickle: "no end") { [0x80, 2] + fill(much, P.text("]a").reversed()) },
    HostileFile(pickle: "a line without end") { P.whole(P.text("c") + fill(much, [0x61])) },
    HostileFile(pickle: "a program that runs a command") {
      P.whole(P.global("os", "system") + P.string("true") + [0x85] + P.text("R"))
    },
  ]
}
