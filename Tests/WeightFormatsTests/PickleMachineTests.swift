import Tensors
import Testing
import WeightFormats

private typealias P = TestPickle

/// Pickles that must be refused, harmless as they are: each one tries something that weights have no need of.
@Suite struct PickleMachineTests {
  /// A storage of four floats, which is what most of these pickles would like to see.
  private static let four = [UInt8](repeating: 1, count: 16)
  private static let storage = P.storage(count: 4)

  private func refusal(
    _ pickle: [UInt8], storages: [(key: String, data: [UInt8])] = [("0", four)]
  ) -> FormatError? {
    do throws(FormatError) {
      _ = try TorchZipFormat().parse(BufferSource(TestArchive(pickle: pickle, storages: storages).bytes))
      return nil
    } catch { return error }
  }

  @Test func acceptsTheTensorThatTheOthersAreMadeFrom() throws {
    let pickle = P.dict([("w", P.tensor(Self.storage, shape: [2, 2], strides: [2, 1]))])
    let file = try TorchZipFormat().parse(
      BufferSource(TestArchive(pickle: pickle, storages: [("0", Self.four)]).bytes))
    #expect(file.isPlain && file.extras.isEmpty)
    #expect(file.stateDict.tensors.map(\.name) == ["w"])
    #expect(file.stateDict.storageSizes == [16])
    #expect(file.expectedCRC32 == [CRC32.checksum(Self.four)])
  }

  /// Such a file loads elsewhere only with a map_location, so its bytes must not stand for other views.
  @Test func acceptsOtherDevicesButDoesNotCallThemPlain() throws {
    let pickle = P.dict([("w", P.tensor(P.storage(count: 4, location: "cuda:0"), shape: [4], strides: [1]))])
    let file = try TorchZipFormat().parse(
      BufferSource(TestArchive(pickle: pickle, storages: [("0", Self.four)]).bytes))
    #expect(!file.isPlain && file.extras.isEmpty)
  }

  @Test(
    arguments: [
      ("POP", 0x30), ("POP_MARK", 0x31), ("DUP", 0x32), ("BINBYTES", 0x42), ("SHORT_BINBYTES", 0x43), ("FLOAT", 0x46),
      ("INT", 0x49), ("LONG", 0x4C), ("PERSID", 0x50), ("STRING", 0x53), ("BINSTRING", 0x54), ("UNICODE", 0x56),
      ("DICT", 0x64), ("GET", 0x67), ("INST", 0x69), ("LIST", 0x6C), ("OBJ", 0x6F), ("PUT", 0x70), ("NEWOBJ", 0x81),
      ("EXT1", 0x82), ("EXT2", 0x83), ("EXT4", 0x84), ("LONG4", 0x8B), ("SHORT_BINUNICODE", 0x8C),
      ("BINUNICODE8", 0x8D),
      ("BINBYTES8", 0x8E), ("ADDITEMS", 0x90), ("FROZENSET", 0x91), ("NEWOBJ_EX", 0x92), ("STACK_GLOBAL", 0x93),
      ("MEMOIZE", 0x94), ("FRAME", 0x95), ("BYTEARRAY8", 0x96), ("NEXT_BUFFER", 0x97), ("READONLY_BUFFER", 0x98),
      ("0x0", 0x00), ("0xff", 0xFF),
    ])
  func namesTheOpcodeThatIsNotAllowed(_ name: String, _ opcode: Int) throws {
    let pickle: [UInt8] = [0x80, 2] + P.empty + [UInt8(opcode)] + [0, 0, 0, 0, 0, 0, 0, 0] + P.stop
    let error = try #require(refusal(pickle))
    #expect(error.code == .forbidden)
    #expect(error.message == "data.pkl, offset 3: the opcode \(name) is not allowed in weights")
  }

  @Test(
    arguments: [
      ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "getattr"), ("__builtin__", "bytes"),
      ("sys", "modules"), ("torch", "load"), ("torch", "FloatStorage.from_buffer"),
      ("torch.storage", "_load_from_bytes"),
      ("torch.nn.modules.linear", "Linear"), ("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"),
      ("omegaconf.listconfig", "ListConfig"), ("transformers.training_args", "TrainingArguments"), ("", ""),
      ("torch", ""),
      ("collections", "defaultdict"), ("collections", "OrderedDict\u{20}"), ("Collections", "OrderedDict"),
      ("torch", "float6_e2m3fn"), ("torch._utils", "_import_dotted_name"), ("copyreg", "_reconstructor"),
      ("functools", "partial"), ("torch.nn.parameter", "Parameter.__setstate__"), ("pathlib", "PosixPath"),
    ])
  func namesTheGlobalThatIsNotAllowed(_ module: String, _ name: String) throws {
    let harmless = P.global(module, name) + P.text(")R")
    for pickle in [P.whole(harmless), P.dict([("w", P.global(module, name))])] {
      let error = try #require(refusal(pickle))
      #expect(error.code == .forbidden)
      #expect(error.message.contains("the global \(module).\(name) is not allowed"))
    }
  }

  @Test(
    arguments: [
      "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor",
      "_rebuild_wrapper_subclass", "_rebuild_device_tensor_from_numpy",
    ])
  func saysWhatATensorIsThatCannotBeKept(_ name: String) throws {
    let error = try #require(refusal(P.whole(P.global("torch._utils", name))))
    #expect(error.code == .unsupported && error.message.contains(name))
  }

  @Test(arguments: [0, 1, 4, 5, 255])
  func refusesProtocolsThatTorchRefuses(_ version: UInt8) throws {
    #expect(try #require(refusal([0x80, version] + P.empty + P.stop)).code == .unsupported)
  }

  /// A tensor with a state of its own.
  private static func subclass(_ state: [UInt8]) -> [UInt8] {
    P.global("torch._tensor", "_rebuild_from_type_v2")
      + P.tuple(
        P.global("torch._utils", "_rebuild_tensor_v2"), P.global("torch", "Tensor"),
        P.tuple(storage, P.integer(0), P.integers([1]), P.integers([1]), [0x89], P.orderedDict), state) + P.text("R")
  }

  static let oddCalls: [(String, [UInt8])] = [
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
    (
      "conjugate",
      P.global("torch._utils", "_rebuild_tensor_v2")
        + P.tuple(
          storage, P.integer(0), P.integers([1]),
          P.integers([1]), [0x89], P.orderedDict, P.text("}") + P.string("conj") + [0x88] + P.text("s")) + P.text("R")
    ),
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
    ("PROTO again", [0x80, 2] + P.text("N")),
    ("UTF-8 of a surrogate", P.text("X") + [3, 0, 0, 0, 0xED, 0xA0, 0x80]),
    ("bytes that are not UTF-8", P.text("U") + [1, 0xFF]),
    ("a text longer than the pickle", P.text("X") + [0xFF, 0xFF, 0xFF, 0xFF]),
    ("a line without end", P.text("c") + [UInt8](repeating: 0x61, count: 5000)),
  ]

  /// Every call, alone and as a value beside a good tensor.
  @Test(arguments: oddCalls.map(\.0))
  func refusesCallsAndStatesThatTorchDoesNotWrite(_ label: String) throws {
    let call = try #require(Self.oddCalls.first { $0.0 == label }).1
    #expect(refusal(P.whole(call)) != nil, "\(label)")
    let good = P.tensor(Self.storage, shape: [2, 2], strides: [2, 1])
    #expect(refusal(P.dict([("w", good), ("x", call)])) != nil, "\(label)")
  }

  static let oddTensors: [(String, [UInt8])] = [
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

  @Test(arguments: oddTensors.map(\.0))
  func refusesTensorsThatAreNotInTheirStorage(_ label: String) throws {
    let tensor = try #require(Self.oddTensors.first { $0.0 == label }).1
    #expect(refusal(P.dict([("w", tensor)])) != nil, "\(label)")
    // Also where the tensor has no part in the state dict, its storage must be what it says.
    if label.contains("storage") {
      #expect(refusal(P.dict([("state_dict", P.text("}")), ("x", tensor)])) != nil, "\(label)")
    }
  }

  @Test func refusesOneStorageWithTwoDescriptions() throws {
    let floats = P.tensor(Self.storage, shape: [4], strides: [1])
    let integers = P.tensor(P.storage(type: "IntStorage", count: 4), shape: [4], strides: [1])
    #expect(try #require(refusal(P.dict([("a", floats), ("b", integers)]))).message.contains("two ways"))
    let shorts = P.tensor(P.storage(type: "HalfStorage", count: 8), shape: [8], strides: [1])
    #expect(refusal(P.dict([("a", floats), ("b", shorts)])) != nil)
  }

  @Test func refusesNamesThatLookAlike() throws {
    let tensor = P.tensor(Self.storage, shape: [4], strides: [1])
    #expect(try #require(refusal(P.dict([("\u{E9}", tensor), ("e\u{301}", tensor)]))).message.contains("two tensors"))
    let nested = P.dict([("a", P.text("}") + P.string("b") + tensor + P.text("s")), ("a.b", tensor)])
    #expect(try #require(refusal(nested)).message.contains("two tensors are named a.b"))
  }

  @Test func refusesFilesWithoutTensors() throws {
    for value in [P.text("}"), P.text("]"), P.text("N"), P.orderedDict, Self.storage, P.string("x"), P.integer(1)] {
      #expect(try #require(refusal(P.whole(value))).code == .unsupported)
    }
    #expect(try #require(refusal(P.whole(P.tensor(Self.storage, shape: [4], strides: [1])))).code == .unsupported)
  }

  @Test func refusesBytesAfterThePickleAndPicklesWithoutEnd() throws {
    let good = P.dict([("w", P.tensor(Self.storage, shape: [4], strides: [1]))])
    #expect(refusal(good) == nil)
    #expect(refusal(good + [0]) != nil)
    #expect(refusal(good + good) != nil)
    for length in 0..<good.count { #expect(refusal(Array(good.prefix(length))) != nil, "\(length)") }
  }

  /// Lists that hold the list before them twice: 2^60 elements if anybody expanded them.
  @Test func walksBillionLaughsWithoutLaughing() throws {
    var bomb = P.text("]q\u{0}")
    for level in 1...60 {
      bomb += P.text("](h") + [UInt8(level - 1)] + P.text("h") + [UInt8(level - 1)] + P.text("eq") + [UInt8(level)]
    }
    let tensor = P.tensor(Self.storage, shape: [4], strides: [1])
    // The levels are pushed one by one; only the last stays a value.
    var wrapped = P.text("(") + bomb + P.text("t")
    #expect(refusal(P.dict([("w", tensor), ("x", wrapped)])) == nil)
    // The same with a tensor at the bottom: every container is walked once.
    wrapped = P.text("(") + P.text("](") + tensor + P.text("eq\u{0}") + Array(bomb.dropFirst(3)) + P.text("t")
    let pickle = P.dict([("w", tensor), ("x", wrapped)])
    let file = try TorchZipFormat().parse(
      BufferSource(TestArchive(pickle: pickle, storages: [("0", Self.four)]).bytes))
    #expect(file.stateDict.tensors.count <= 3)
    #expect(file.extras.contains { $0.contains("the same object as") })
  }

  /// Python copies the state when it sets attributes, so that what is added to it afterwards is no attribute.
  @Test func takesAttributesAsTheyWereWhenTheyWereSet() throws {
    let entry = P.string("w") + P.tensor(Self.storage, shape: [4], strides: [1]) + P.text("s")
    let metadata = P.string("_metadata") + P.orderedDict + P.text("s")
    let tail = P.text("}q\u{0}b") + entry + P.text("t.")
    let early =
      [0x80, 2] + P.text("(") + P.text("}") + metadata + P.text("q\u{0}") + P.orderedDict + P.text("h\u{0}b") + entry
      + P.text("t.")
    let late = [0x80, 2] + P.text("(") + P.orderedDict + tail.dropLast(2) + P.text("h\u{0}") + metadata + P.text("t.")
    for (pickle, hasMetadata) in [(early, true), (late, false)] {
      let file = try TorchZipFormat().parse(
        BufferSource(TestArchive(pickle: pickle, storages: [("0", Self.four)]).bytes))
      #expect(file.extras.contains { $0.contains("(attribute) _metadata") } == hasMetadata)
    }
  }

  @Test func survivesCyclesAndDepth() throws {
    let tensor = P.tensor(Self.storage, shape: [4], strides: [1])
    let cycle = P.text("]q\u{0}h\u{0}a")
    #expect(refusal(P.dict([("w", tensor), ("x", cycle)])) == nil)
    let dictionary =
      [0x80, 2] + P.text("}q\u{0}(") + P.string("model") + P.text("h\u{0}") + P.string("w") + tensor + P.text("u.")
    #expect(refusal(dictionary) == nil)
    let attributes = [0x80, 2] + P.orderedDict + P.text("}q\u{0}") + P.string("_metadata") + P.text("h\u{0}sb")
    #expect(refusal(attributes + P.string("w") + tensor + P.text("s.")) == nil)
    let deep = [UInt8](repeating: 0x5D, count: 1_000_000) + [UInt8](repeating: 0x61, count: 999_999)
    #expect(refusal(P.dict([("w", tensor), ("x", deep)])) == nil)
    let deepTensor =
      [UInt8](repeating: 0x5D, count: 100) + tensor + [UInt8](repeating: 0x61, count: 100)
    #expect(try #require(refusal(P.dict([("w", tensor), ("x", deepTensor)]))).code == .limit)
  }

  @Test func refusesPicklesThatTakeTooManyOperations() throws {
    let tensor = P.tensor(Self.storage, shape: [4], strides: [1])
    let nones = P.text("(") + [UInt8](repeating: 0x4E, count: 5 << 20) + P.text("t")
    #expect(try #require(refusal(P.dict([("w", tensor), ("x", nones)]))).code == .limit)
  }
}
