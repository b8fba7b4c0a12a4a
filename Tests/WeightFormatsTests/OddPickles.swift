import TestSupport

private typealias P = TestPickle

/// Values of pickles that torch would never write, by what is odd about them. All are harmless.
enum OddPickles {
  private static let storage = P.storage(count: 4)

  /// A tensor with a state of its own.
  private static func subclass(_ state: [UInt8]) -> [UInt8] {
    P.global("torch._tensor", "_rebuild_from_type_v2")
      + P.tuple(
        P.global("torch._utils", "_rebuild_tensor_v2"), P.global("torch", "Tensor"),
        P.tuple(storage, P.integer(0), P.integers([1]), P.integers([1]), [0x89], P.orderedDict), state) + P.text("R")
  }

  /// An array of numpy that says `code` where numpy says `b'b'`.
  static func array(made code: [UInt8]) -> [UInt8] {
    P.global("numpy.core.multiarray", "_reconstruct")
      + P.tuple(P.global("numpy", "ndarray"), P.integers([0]), code) + P.text("R")
  }

  static let calls: [(String, [UInt8])] = [
    ("array of a float type", array(made: P.text("C\u{1}f"))),
    ("array of two letters", array(made: P.text("C\u{2}bb"))),
    ("array of no letter", array(made: P.text("C\u{0}"))),
    ("array of another text", array(made: P.string("f"))),
    (
      "array of encoded text",
      array(made: P.global("_codecs", "encode") + P.tuple(P.string("f"), P.string("latin1")) + P.text("R"))
    ),
    (
      "array of a letter beyond ASCII",
      array(made: P.global("_codecs", "encode") + P.tuple(P.string("\u{A2}"), P.string("latin1")) + P.text("R"))
    ),
    ("array of a number", array(made: P.integer(0))),
    ("array of nothing", array(made: P.text("N"))),
    ("storage class called", P.global("torch", "FloatStorage") + P.tuple(P.integer(1 << 40)) + P.text("R")),
    ("tensor class called", P.global("torch", "Tensor") + P.text(")R")),
    ("parameter class called", P.global("torch.nn.parameter", "Parameter") + P.text(")R")),
    ("dtype called", P.global("torch", "float32") + P.text(")R")),
    ("string called", P.string("os.system") + P.text(")R")),
    ("dict called", P.text("})R")),
    ("result called", P.orderedDict + P.text(")R")),
    ("arguments in a list", P.global("collections", "OrderedDict") + P.text("]R")),
    ("arguments missing", P.global("collections", "OrderedDict") + P.text("R")),
    ("OrderedDict of a string", P.global("collections", "OrderedDict") + P.tuple(P.string("ab")) + P.text("R")),
    (
      "OrderedDict of triples",
      P.global("collections", "OrderedDict") + P.tuple(P.text("](K\u{1}K\u{2}K\u{3}ta")) + P.text("R")
    ),
    (
      "OrderedDict of unhashable", P.global("collections", "OrderedDict") + P.tuple(P.text("](]K\u{1}ta")) + P.text("R")
    ),
    ("Counter of a list", P.global("collections", "Counter") + P.tuple(P.text("]")) + P.text("R")),
    ("set of a string", P.global("__builtin__", "set") + P.tuple(P.string("ab")) + P.text("R")),
    ("set of lists", P.global("__builtin__", "set") + P.tuple(P.text("]]a")) + P.text("R")),
    ("bytearray of a size", P.global("__builtin__", "bytearray") + P.tuple(P.integer(1 << 40)) + P.text("R")),
    ("encode as rot13", P.global("_codecs", "encode") + P.tuple(P.string("x"), P.string("rot13")) + P.text("R")),
    ("encode of non-Latin", P.global("_codecs", "encode") + P.tuple(P.string("я"), P.string("latin1")) + P.text("R")),
    ("Size of strings", P.global("torch", "Size") + P.tuple(P.tuple(P.string("x"))) + P.text("R")),
    ("device of an integer", P.global("torch", "device") + P.tuple(P.integer(1)) + P.text("R")),
    ("complex of strings", P.global("__builtin__", "complex") + P.tuple(P.string("1"), P.string("2")) + P.text("R")),
    ("v2 with too few", P.global("torch._utils", "_rebuild_tensor_v2") + P.tuple(storage, P.integer(0)) + P.text("R")),
    ("v2 of no storage", P.tensor(P.text("N"), shape: [1], strides: [1])),
    ("v2 of a storage class", P.tensor(P.global("torch", "FloatStorage"), shape: [1], strides: [1])),
    (
      "v2 of untyped",
      P.tensor(
        P.tuple(
          P.string("storage"), P.global("torch.storage", "UntypedStorage"), P.string("0"),
          P.string("cpu"), P.integer(16)) + P.text("Q"), shape: [1], strides: [1])
    ),
    (
      "v3 of typed",
      P.global("torch._utils", "_rebuild_tensor_v3")
        + P.tuple(
          storage, P.integer(0), P.integers([1]),
          P.integers([1]), [0x89], P.orderedDict, P.global("torch", "float32")) + P.text("R")
    ),
    (
      "v3 of a number",
      P.global("torch._utils", "_rebuild_tensor_v3")
        + P.tuple(
          storage, P.integer(0), P.integers([1]),
          P.integers([1]), [0x89], P.orderedDict, P.integer(5)) + P.text("R")
    ),
    (
      "parameter of a number",
      P.global("torch._utils", "_rebuild_parameter") + P.tuple(P.integer(1), [0x88], P.orderedDict)
        + P.text("R")
    ),
    (
      "subclass made by a set",
      P.global("torch._tensor", "_rebuild_from_type_v2")
        + P.tuple(
          P.global("__builtin__", "set"),
          P.global("torch", "Tensor"), P.text(")"), P.text("}")) + P.text("R")
    ),
    (
      "subclass of a dict",
      P.global("torch._tensor", "_rebuild_from_type_v2")
        + P.tuple(
          P.global("torch._utils", "_rebuild_tensor_v2"), P.orderedDict, P.text(")"), P.text("}")) + P.text("R")
    ),
    (
      "subclass inside itself",
      P.global("torch._tensor", "_rebuild_from_type_v2")
        + P.tuple(
          P.global("torch._tensor", "_rebuild_from_type_v2"), P.global("torch", "Tensor"), P.text(")"), P.text("}"))
        + P.text("R")
    ),
    ("hooks", P.tensor(storage, shape: [1], strides: [1], hooks: P.orderedDict + P.string("k") + P.text("Ns"))),
    ("hooks that are a tuple", P.tensor(storage, shape: [1], strides: [1], hooks: P.text(")"))),
    ("gradient flag of a number", P.tensor(storage, shape: [1], strides: [1], requiresGrad: P.integer(1))),
    ("BUILD on a dict", P.text("}}b")),
    ("BUILD on a tensor", P.tensor(storage, shape: [1], strides: [1]) + P.text("}b")),
    ("BUILD on a list", P.text("]}b")),
    ("BUILD on a global", P.global("collections", "OrderedDict") + P.text("}b")),
    ("BUILD with a tuple", P.orderedDict + P.text(")b")),
    ("BUILD twice", P.orderedDict + P.text("}b}b")),
    ("attribute that hides a method", P.orderedDict + P.text("}") + P.string("items") + P.text("Nsb")),
    ("attribute of the class", P.orderedDict + P.text("}") + P.string("__class__") + P.text("Nsb")),
    ("attribute with a number as name", P.orderedDict + P.text("}NNsb")),
    (
      "other data as an attribute",
      subclass(
        P.text("}") + P.string("data") + P.tensor(storage, offset: 1, shape: [1], strides: [1])
          + P.text("s"))
    ),
    ("attributes in a tuple", subclass(P.text("}}") + [0x86])),
    (
      "hooks that come later",
      P.tuple(
        P.tensor(storage, shape: [1], strides: [1], hooks: P.orderedDict + P.text("q\u{0}")),
        P.text("h\u{0}") + P.string("k") + P.text("Ns"))
    ),
    ("on the device meta", P.tensor(P.storage(count: 4, location: "meta"), shape: [4], strides: [1])),
    ("APPEND to a tuple", P.text(")Na")),
    ("APPEND to a dict", P.text("}Na")),
    ("SETITEM on a list", P.text("]NNs")),
    ("SETITEM on a tensor", P.tensor(storage, shape: [1], strides: [1]) + P.text("NNs")),
    ("SETITEM with a list as key", P.text("}]Ns")),
    ("SETITEM with a tuple of a dict as key", P.text("}}\u{0}Ns").map { $0 == 0 ? 0x85 : $0 }),
    ("SETITEMS of one", P.text("}(Nu")),
    ("the same key twice", P.text("}(") + P.string("a") + P.text("N") + P.string("a") + P.text("Nu")),
    ("True and 1", P.text("}(") + [0x88, 0x4E, 0x4B, 1, 0x4E] + P.text("u")),
    ("persistent text", P.string("storage") + P.text("Q")),
    ("persistent number", P.integer(3) + P.text("Q")),
    ("persistent empty tuple", P.text(")Q")),
    ("persistent module", P.tuple(P.string("module"), P.text("N"), P.text("N"), P.text("N")) + P.text("Q")),
    (
      "persistent storage of a storage",
      P.tuple(P.string("storage"), storage, P.string("0"), P.string("cpu"), P.integer(1))
        + P.text("Q")
    ),
    (
      "persistent inside persistent",
      P.tuple(
        P.string("storage"), P.global("torch", "FloatStorage"), storage,
        P.string("cpu"), P.integer(4)) + P.text("Q")
    ),
    (
      "persistent with a class of tensors",
      P.tuple(
        P.string("storage"), P.global("torch", "Tensor"), P.string("0"),
        P.string("cpu"), P.integer(4)) + P.text("Q")
    ),
    (
      "persistent with six parts",
      P.tuple(
        P.string("storage"), P.global("torch", "FloatStorage"), P.string("0"),
        P.string("cpu"), P.integer(4), P.text("N")) + P.text("Q")
    ),
    ("persistent with a negative count", P.storage(count: -4)),
    (
      "persistent with a text count",
      P.tuple(
        P.string("storage"), P.global("torch", "FloatStorage"), P.string("0"),
        P.string("cpu"), P.string("4")) + P.text("Q")
    ),
    ("MARK and nothing", P.text("(")),
    ("MARK left open", P.text("(N")),
    ("TUPLE without MARK", P.text("t")),
    ("reaching below a MARK", P.text("}(NNs")),
    ("empty stack", []),
    ("two results", P.text("NN")),
    ("a hole in the memo", P.text("h\u{7}")),
    ("memo beyond its end", P.text("Nr") + [0xFF, 0xFF, 0xFF, 0x7F]),
    ("memo of nothing", P.text("q\u{0}")),
    ("UTF-8 of a surrogate", P.text("X") + [3, 0, 0, 0, 0xED, 0xA0, 0x80]),
    ("bytes that are not UTF-8", P.text("U") + [1, 0xFF]),
    ("a text longer than the pickle", P.text("X") + [0xFF, 0xFF, 0xFF, 0xFF]),
    ("a line without end", P.text("c") + [UInt8](repeating: 0x61, count: 5000)),
  ]

  static let tensors: [(String, [UInt8])] = [
    ("one element too many", P.tensor(storage, shape: [5], strides: [1])),
    ("offset beyond the end", P.tensor(storage, offset: 4, shape: [1], strides: [1])),
    ("negative offset", P.tensor(storage, offset: -1, shape: [1], strides: [1])),
    ("negative size", P.tensor(storage, shape: [-1], strides: [1])),
    ("two negative sizes", P.tensor(storage, shape: [-2, -2], strides: [2, 1])),
    ("negative stride", P.tensor(storage, offset: 3, shape: [4], strides: [-1])),
    ("stride beyond the end", P.tensor(storage, shape: [2], strides: [4])),
    ("rank of size and stride", P.tensor(storage, shape: [2, 2], strides: [1])),
    ("product overflows", P.tensor(storage, shape: [1 << 32, 1 << 32], strides: [0, 0])),
    ("product overflows beside a zero", P.tensor(storage, shape: [1 << 32, 1 << 32, 0], strides: [0, 0, 0])),
    ("reach overflows", P.tensor(storage, shape: [2, 2], strides: [.max, .max])),
    ("offset overflows", P.tensor(storage, offset: .max, shape: [1], strides: [1])),
    ("bytes overflow", P.tensor(storage, shape: [1 << 61], strides: [0])),
    ("a petabyte of one element", P.tensor(storage, shape: [1 << 48], strides: [0])),
    (
      "65 dimensions", P.tensor(storage, shape: [Int](repeating: 1, count: 65), strides: [Int](repeating: 1, count: 65))
    ),
    ("storage larger than its record", P.tensor(P.storage(count: 5), shape: [5], strides: [1])),
    ("storage smaller than its record", P.tensor(P.storage(count: 3), shape: [3], strides: [1])),
    ("storage of other elements", P.tensor(P.storage(type: "DoubleStorage", count: 4), shape: [4], strides: [1])),
    ("storage size overflows", P.tensor(P.storage(count: 1 << 62), shape: [1], strides: [1])),
    ("storage that is not there", P.tensor(P.storage("1", count: 4), shape: [4], strides: [1])),
    ("storage elsewhere", P.tensor(P.storage("../data.pkl", count: 4), shape: [4], strides: [1])),
    ("long key", P.tensor(P.storage(String(repeating: "0", count: 300), count: 4), shape: [4], strides: [1])),
  ]
}
