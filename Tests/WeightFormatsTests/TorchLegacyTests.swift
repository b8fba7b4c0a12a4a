import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

private typealias P = TestPickle

@Suite struct TorchLegacyTests {
  private static let magic: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  private struct Legacy {
    var magic = TorchLegacyTests.magic
    var version = P.whole(P.integer(1001))
    var system = P.dict([("protocol_version", P.integer(1001)), ("little_endian", [0x88])])
    var objects = P.dict([("w", P.tensor(TorchLegacyTests.storage("7", count: 4), shape: [2, 2], strides: [2, 1]))])
    var keys = P.whole(P.text("]") + P.string("7") + P.text("a"))
    var data: [UInt8] = little(4 as Int64) + [UInt8](repeating: 9, count: 16)
    var bytes: [UInt8] { magic + version + system + objects + keys + data }
  }

  private static func storage(_ key: String, count: Int, view: [UInt8] = P.text("N")) -> [UInt8] {
    P.tuple(
      P.string("storage"), P.global("torch", "FloatStorage"), P.string(key), P.string("cpu"), P.integer(count), view)
      + P.text("Q")
  }

  private func refusal(_ change: (inout Legacy) -> Void) -> FormatError? {
    var legacy = Legacy()
    change(&legacy)
    do throws(FormatError) {
      _ = try TorchLegacyFormat().parse(BufferSource(legacy.bytes))
      return nil
    } catch { return error }
  }

  @Test func readsAFileMadeByHand() throws {
    let bytes = Legacy().bytes
    let file = try TorchLegacyFormat().parse(BufferSource(bytes))
    #expect(file.stateDict.tensors.map(\.name) == ["w"])
    #expect(file.storages == [.range(offset: bytes.count - 16, byteCount: 16)])
    #expect(!file.isPlain)
    #expect(TorchLegacyFormat().recognizes(Array(bytes.prefix(64)), byteCount: bytes.count))
    #expect(try WeightFormatCatalogue.format(of: BufferSource(bytes)).name == "torch-legacy")
  }

  /// Old torch kept views of storages as storages of their own: two tensors of one storage, at 4 and 8 bytes.
  @Test func resolvesViewsOfStorages() throws {
    var legacy = Legacy()
    let view = Self.storage("7", count: 4, view: P.tuple(P.string("8"), P.integer(1), P.integer(3)))
    legacy.objects = P.dict([
      ("a", P.tensor(view, shape: [3], strides: [1])), ("b", P.tensor(view, offset: 1, shape: [2], strides: [1])),
      ("c", P.tensor(Self.storage("7", count: 4), shape: [4], strides: [1])),
    ])
    let file = try TorchLegacyFormat().parse(BufferSource(legacy.bytes))
    #expect(file.stateDict.storageSizes == [16])
    #expect(file.stateDict.tensors.map(\.byteOffset) == [4, 8, 0])
  }

  @Test(
    arguments: [
      ("beyond the storage", 2, 3, 3), ("negative offset", -1, 3, 3), ("negative size", 0, -1, 0),
      ("tensor beyond the view", 0, 2, 3), ("overflow", Int.max, 3, 3),
    ])
  func refusesViewsThatReachOutside(_ label: String, _ offset: Int, _ count: Int, _ size: Int) {
    let view = Self.storage("7", count: 4, view: P.tuple(P.string("8"), P.integer(offset), P.integer(count)))
    #expect(refusal { $0.objects = P.dict([("a", P.tensor(view, shape: [size], strides: [1]))]) } != nil, "\(label)")
  }

  @Test func refusesFilesThatContradictThemselves() {
    #expect(refusal { _ in } == nil)
    #expect(refusal { $0.magic[5] ^= 1 } != nil)
    #expect(refusal { $0.magic[1] = 9 } != nil)
    #expect(refusal { $0.version = P.whole(P.integer(1002)) } != nil)
    #expect(refusal { $0.version = P.whole(P.string("1001")) } != nil)
    #expect(refusal { $0.system = P.dict([("little_endian", [0x89])]) }?.code == .unsupported)
    #expect(refusal { $0.system = P.dict([]) }?.code == .unsupported)
    #expect(refusal { $0.system = P.whole(P.text("]")) } != nil)
    #expect(refusal { $0.keys = P.whole(P.text("]")) } != nil)
    #expect(refusal { $0.keys = P.whole(P.text("}")) } != nil)
    #expect(refusal { $0.keys = P.whole(P.text("]") + P.integer(7) + P.text("a")) } != nil)
    #expect(refusal { $0.keys = P.whole(P.text("](") + P.string("7") + P.string("8") + P.text("e")) } != nil)
    #expect(
      refusal {
        $0.keys = P.whole(P.text("](") + P.string("7") + P.string("7") + P.text("e")); $0.data += $0.data
      } != nil)
    #expect(refusal { $0.data = little(5 as Int64) + [UInt8](repeating: 0, count: 20) } != nil)
    #expect(refusal { $0.data = little(-1 as Int64) } != nil)
    #expect(refusal { $0.data = little(Int64.max) } != nil)
    #expect(refusal { $0.data.append(0) } != nil)
    #expect(refusal { $0.data.removeLast() }?.code == .truncated)
    let untyped =
      P.tuple(
        P.string("storage"), P.global("torch.storage", "UntypedStorage"), P.string("7"), P.string("cpu"), P.integer(16),
        P.text("N")) + P.text("Q")
    #expect(refusal { $0.objects = P.dict([("w", untyped)]) }?.code == .unsupported)
    #expect(
      refusal { $0.objects = P.dict([("w", P.tensor(P.storage("7", count: 4), shape: [4], strides: [1]))]) } != nil)
    let module = P.tuple(P.string("module"), P.text("N"), P.text("N"), P.text("N")) + P.text("Q")
    #expect(refusal { $0.objects = P.dict([("w", module)]) }?.code == .forbidden)
    let system = P.dict([("little_endian", P.tensor(Self.storage("7", count: 4), shape: [4], strides: [1]))])
    #expect(refusal { $0.system = system }?.code == .forbidden)
  }

  /// torch can write a float8 tensor in this format, but not load it again; nor do we.
  @Test func refusesWhatTorchCannotLoad() throws {
    let folder = try TemporaryFolder()
    try Python.oracle("torch_legacy_float8.py", [folder("f8.pt")])
    let refusal = try #require(throws: FormatError.self) {
      try TorchLegacyFormat().parse(BufferSource(try contents(of: folder("f8.pt"))))
    }
    #expect(refusal.code == .unsupported)
  }

  @Test(
    arguments: [
      ("gzip", [0x1F, 0x8B, 8, 0]), ("numpy", [0x93] + Array("NUMPY".utf8)),
      ("tar", [UInt8](repeating: 0, count: 257) + Array("ustar".utf8)),
      ("HDF5", [0x89] + Array("HDF\r\n".utf8)),
      ("Git LFS", Array("version https://git-lfs.github.com/spec/v1".utf8)),
      ("ONNX", [8, 7, 0x12, 7] + Array("pytorch".utf8)),
      ("TensorFlow Lite", [0x1C, 0, 0, 0] + Array("TFL3".utf8)),
      ("web page", Array("<!DOCTYPE html>".utf8)), ("pickle", [0x80, 4, 0x95]),
    ] as [(String, [UInt8])])
  func saysWhatOtherFilesAre(_ kind: String, _ head: [UInt8]) throws {
    let refusal = try #require(throws: FormatError.self) {
      try WeightFormatCatalogue.format(of: BufferSource(head + [UInt8](repeating: 0, count: 64)))
    }
    #expect(refusal.code == .unsupported && refusal.message.contains(kind))
  }

  @Test(
    arguments: [
      ("m/constants.pkl", "torch.jit.load"), ("m/code/__torch__.py", "torch.jit.load"), ("a.npy", "numpy"),
      ("m/.data/extern_modules", "torch.package"), ("model.weights.h5", "Keras"), ("notes.txt", "data.pkl"),
    ])
  func saysWhatOtherArchivesAre(_ record: String, _ word: String) {
    let archive = TestArchive([TestArchive.Record(record, [1, 2, 3])])
    let refusal = #expect(throws: FormatError.self) { try WeightFormatCatalogue.parse(BufferSource(archive.bytes)) }
    #expect(refusal?.code == .unsupported && refusal?.message.contains(word) == true, "\(refusal?.message ?? "")")
  }
}
