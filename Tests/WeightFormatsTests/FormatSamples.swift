import Tensors
import TestSupport
import WeightFormats

/// Small files of each format, for the tests that every format has to pass.
enum FormatSamples {
  private typealias P = TestPickle

  /// The files of a format: what it writes itself, if it writes, and what others wrote.
  static func files(of format: any WeightFormat) throws -> [[UInt8]] {
    var files: [[UInt8]] = []
    if let format = format as? any SynthesizableFormat {
      for state in states(for: format) {
        let storages = storages(of: state)
        let layout = try format.layout(of: state, checksums: storages.map(StateDictMatrix.checksum))
        files.append(layout.rendered(storages: storages))
      }
    }
    switch format.name {
    case "safetensors": files += SafetensorsVerdictTests.wellFormed
    case "torch-zip": files.append(strided)
    case "torch-legacy": files.append(legacy)
    case "gguf": files += [TestGGUF.whole.bytes, TestGGUF.small.bytes]
    default: break
    }
    return files
  }

  /// State dicts with all that a format can hold.
  private static func states(for format: any SynthesizableFormat) -> [StateDict] {
    let dtypes = DType.allCases.filter { dtype in
      let state = StateDict(independent: [("t", dtype, [8], dtype.bitWidth)])
      do throws(FormatError) {
        _ = try format.layout(of: state, checksums: [StateDictMatrix.checksum([])])
        return true
      } catch {
        return false
      }
    }
    // Torch's formats can say nothing of a file without tensors; safetensors can.
    let empty = format.name == "safetensors" ? [StateDict(independent: [])] : []
    return empty + [
      StateDict(independent: [
        ("b", .float32, [2, 2], 16), ("a.\u{E9}", .uint8, [3], 3), ("e\u{301}", .int64, [0, 4], 0),
      ]),
      StateDict(independent: dtypes.map { ("t.\($0.rawValue)", $0, [2, 4], $0.bitWidth) }),
      StateDict(
        tensors: [
          TensorDescriptor(name: "p", dtype: .float16, shape: [4], storage: 0, byteCount: 8, isParameter: true),
          TensorDescriptor(name: "q", dtype: .float16, shape: [2], storage: 0, byteOffset: 4, byteCount: 4),
        ], storageSizes: [8], metadata: [.init(path: "", fields: [.init(name: "version", value: 1)])]),
    ]
  }

  private static func storages(of state: StateDict) -> [[UInt8]] {
    state.storageSizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) } }
  }

  private static let strided = TestArchive(
    pickle: P.dict([
      ("w", P.tensor(P.storage(count: 4), shape: [2, 2], strides: [1, 2])),
      ("state", P.text("]") + P.tensor(P.storage(count: 4), shape: [4], strides: [1]) + P.text("a")),
    ]), storages: [("0", Array(0..<16))]
  ).bytes

  private static let legacy: [UInt8] = {
    let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    let storage =
      P.tuple(
        P.string("storage"), P.global("torch", "FloatStorage"), P.string("7"), P.string("cpu"), P.integer(4),
        P.text("N")) + P.text("Q")
    let objects = P.dict([
      ("w", P.tensor(storage, shape: [2, 2], strides: [2, 1])),
      ("s", P.tensor(storage, shape: [2, 2], strides: [1, 2])),
    ])
    let system = P.dict([("protocol_version", P.integer(1001)), ("little_endian", [0x88])])
    return magic + P.whole(P.integer(1001)) + system + objects + P.whole(P.text("]") + P.string("7") + P.text("a"))
      + little(4 as Int64) + [UInt8](0..<16)
  }()
}
