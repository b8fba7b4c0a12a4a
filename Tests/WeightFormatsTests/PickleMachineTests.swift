import Tensors
import TestSupport
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
      ("EXT1", 0x82, "extension registry"),
      ("EXT2", 0x83, "extension registry"), ("EXT4", 0x84, "extension registry"),
      ("NEXT_BUFFER", 0x97, "outside of the pickle"), ("READONLY_BUFFER", 0x98, "outside of the pickle"),
      ("0x0", 0x00, "the byte 0x0 is no opcode"), ("0xff", 0xFF, "the byte 0xff is no opcode"),
    ])
  func namesTheOpcodeThatIsNotAllowed(_ name: String, _ opcode: Int, _ reason: String) throws {
    let pickle: [UInt8] = [0x80, 2] + P.empty + [UInt8(opcode)] + [0, 0, 0, 0, 0, 0, 0, 0] + P.stop
    let error = try #require(refusal(pickle))
    #expect(error.message.hasPrefix("data.pkl, offset 3: ") && error.message.contains(reason), "\(name)")
  }

  @Test(
    arguments: [
      ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "getattr"), ("__builtin__", "type"),
      ("sys", "modules"), ("torch", "load"), ("torch", "FloatStorage.from_buffer"),
      ("torch.storage", "_load_from_bytes"),
      ("torch.nn.modules.linear", "Linear"), ("numpy", "load"), ("numpy", "core.multiarray._reconstruct"),
      ("omegaconf", "OmegaConf.load"), ("transformers.trainer", "Trainer"), ("", ""),
      ("torch", ""), ("numpy.testing._private.utils", "runstring"), ("pickle", "loads"), ("joblib", "load"),
      ("collections", "OrderedDict\u{20}"), ("Collections", "OrderedDict"),
      ("torch", "float6_e2m3fn"), ("torch._utils", "_import_dotted_name"), ("copyreg", "__newobj__"),
      ("functools", "partial"), ("torch.nn.parameter", "Parameter.__setstate__"), ("pathlib", "PosixPath.write_text"),
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

  @Test(arguments: [6, 7, 8])
  func refusesProtocolsThatNobodyKnows(_ version: UInt8) throws {
    #expect(try #require(refusal([0x80, version] + P.empty + P.stop)).code == .unsupported)
  }

  /// Every call, alone and as a value beside a good tensor.
  @Test(arguments: OddPickles.calls.map(\.0))
  func refusesCallsAndStatesThatTorchDoesNotWrite(_ label: String) throws {
    let call = try #require(OddPickles.calls.first { $0.0 == label }).1
    #expect(refusal(P.whole(call)) != nil, "\(label)")
    let good = P.tensor(Self.storage, shape: [2, 2], strides: [2, 1])
    #expect(refusal(P.dict([("w", good), ("x", call)])) != nil, "\(label)")
  }

  /// As numpy makes arrays: with bytes, with bytes in protocol 2, and with those of Python 2, which are text to Python 3.
  @Test(
    arguments: [
      P.text("C\u{1}b"),
      P.global("_codecs", "encode") + P.tuple(P.string("b"), P.string("latin1")) + P.text("R"), P.string("b"),
    ])
  func takesArraysMadeAsNumpyMakesThem(_ code: [UInt8]) {
    let good = P.tensor(Self.storage, shape: [2, 2], strides: [2, 1])
    #expect(refusal(P.dict([("w", good), ("x", OddPickles.array(made: code))])) == nil)
  }

  @Test(arguments: OddPickles.tensors.map(\.0))
  func refusesTensorsThatAreNotInTheirStorage(_ label: String) throws {
    let tensor = try #require(OddPickles.tensors.first { $0.0 == label }).1
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

  /// Names are compared byte by byte, as Python does: in Swift, these two strings are equal.
  @Test func keepsNamesApartThatDifferInNormalization() throws {
    let tensor = P.tensor(Self.storage, shape: [4], strides: [1])
    let pickle = P.dict([("\u{E9}", tensor), ("e\u{301}", tensor)])
    let file = try TorchZipFormat().parse(
      BufferSource(TestArchive(pickle: pickle, storages: [("0", Self.four)]).bytes))
    #expect(file.stateDict.tensors.map { Array($0.name.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
  }

  @Test func refusesTwoTensorsOfOneName() throws {
    let tensor = P.tensor(Self.storage, shape: [4], strides: [1])
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
    let deep = [UInt8](repeating: 0x5D, count: 200_000) + [UInt8](repeating: 0x61, count: 199_999)
    #expect(refusal(P.dict([("w", tensor), ("x", deep)])) == nil)
    let deepTensor =
      [UInt8](repeating: 0x5D, count: 100) + tensor + [UInt8](repeating: 0x61, count: 100)
    #expect(try #require(refusal(P.dict([("w", tensor), ("x", deepTensor)]))).code == .limit)
  }

  @Test func refusesPicklesThatTakeTooMuchMemory() throws {
    let tensor = P.tensor(Self.storage, shape: [4], strides: [1])
    let nones = P.text("(") + [UInt8](repeating: 0x4E, count: 5 << 20) + P.text("t")
    #expect(try #require(refusal(P.dict([("w", tensor), ("x", nones)]))).code == .limit)
  }

  /// Python's unpicklers do not agree on what such a pickle is: one of them loses the rest of the frame.
  @Test(arguments: [3, 5, 30])
  func framesEndWhereAnOpcodeDoes(count: UInt64) {
    let body = P.text("}") + P.string("name") + P.text("Ns.")
    let right = [0x80, 4, 0x95] + little(UInt64(body.count)) + body
    #expect(throws: Never.self) { try PickleSafety.check(BufferSource(right)) }
    let wrong = [0x80, 4, 0x95] + little(count) + body + [UInt8](repeating: 0x4E, count: 40)
    #expect(throws: FormatError.self) { try PickleSafety.check(BufferSource(wrong)) }
    let nested = [0x80, 4, 0x95] + little(UInt64(body.count + 9)) + [0x95] + little(UInt64(body.count)) + body
    #expect(throws: FormatError.self) { try PickleSafety.check(BufferSource(nested)) }
  }
}
