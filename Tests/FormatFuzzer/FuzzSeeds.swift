import Tensors
import TestSupport
import WeightFormats

/// Small files that are right, from which inputs are made, and the words of their formats.
enum FuzzSeeds {
  private typealias P = TestPickle

  static let json: [[UInt8]] = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0061", "\\ud83d", "null", "true", "1e309", "-1", "0", "01",
    "[[[[[[[[",
    "__metadata__", "\"dtype\":\"F32\"", "\"shape\":[2,3]", "\"data_offsets\":[0,24]", "\"F4\"", "\"BOOL\"",
    "\"F8_E8M0\"",
    "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", "\"x\":{}", "18446744073709551615",
    "9223372036854775807",
    "\u{E9}", "e\u{301}", "\u{0}", "  ",
  ].map { Array($0.utf8) }

  static let gguf: [[UInt8]] = {
    var wide = TestGGUF.quantized
    wide.tensors += (0..<12).map { TestGGUF.Tensor("layer.\($0)", [1], type: 27, byteCount: 8) }
    wide.tensors.append(TestGGUF.Tensor("unknown", [3], type: 99, byteCount: 5))
    return [TestGGUF.whole, .small, .quantized, wide, TestGGUF()].map(\.bytes)
  }()

  static let ggufWords: [[UInt8]] =
    [
      TestGGUF.text("a"), TestGGUF.number(64), TestGGUF.string("w".utf8),
      TestGGUF.string("general.alignment".utf8),
    ]
    + [TestGGUF.array(8, 2, TestGGUF.string([]) + TestGGUF.string([]))]
    + [
      TestGGUF.array(9, 1, []), TestGGUF.array(4, 1 << 40, []),
      TestGGUF.string("general.architecture".utf8),
    ]
    + (0...41).map { little(UInt32($0)) } + [8, 32, 64, 1 << 62].map { little(UInt64($0)) } + [
      [0xFF], [0xC3, 0x28],
    ]

  static let opcodes: [[UInt8]] =
    (Array("().0123BCFGIJKLMNPQRSTUVX]abcdeghijlopqrstu}".utf8) + Array(0x80...0x98)).map { [$0] } + numpyWords + [
      P.storage(count: 4), P.tensor(P.storage(count: 4), shape: [2, 2], strides: [1, 2]), P.orderedDict,
      P.global("torch", "Size"), P.global("collections", "Counter"), P.global("torch._utils", "_rebuild_tensor_v3"),
      P.global("torch._utils", "_rebuild_parameter"), P.global("torch._tensor", "_rebuild_from_type_v2"),
      P.global("torch.storage", "UntypedStorage"), P.global("torch", "float8_e4m3fn"), P.global("_codecs", "encode"),
      P.global("__builtin__", "set"), P.string("state_dict"), P.string("_metadata"), P.string("latin1"), P.string("0"),
      P.integer(.max), P.integer(-1), P.integer(1 << 31), P.integers([4]),
      P.tuple(P.string("8"), P.integer(1), P.integer(3)),
      [0x8A, 0], [0x8A, 255], P.text("h\u{0}"), P.text("q\u{0}"), P.text("("), P.text("t"), P.text("R"),
    ]

  static let signatures: [[UInt8]] = [
    little(0x0403_4B50 as UInt32), little(0x0201_4B50 as UInt32), little(0x0605_4B50 as UInt32),
    little(0x0606_4B50 as UInt32), little(0x0706_4B50 as UInt32), little(0x0807_4B50 as UInt32), [1, 0, 16, 0],
    [1, 0, 8, 0] + little(UInt64.max), [0x46, 0x42, 4, 0] + Array("ZZZZ".utf8), little(UInt32.max), little(UInt64.max),
    Array("archive/data/0".utf8), Array("data.pkl".utf8), Array("../".utf8), Array("\u{E9}".utf8), [0, 0, 0, 0],
  ]

  private static let states: [StateDict] = [
    StateDict(independent: [("a", .float32, [2, 3], 24), ("b.weight", .uint8, [5], 5)]),
    StateDict(
      independent: DType.allCases.filter { $0.byteWidth != nil }.map { dtype in
        ("t.\(dtype.rawValue)", dtype, [2, 1], 2 * (dtype.byteWidth ?? 1))
      }),
    StateDict(
      tensors: [
        TensorDescriptor(name: "p", dtype: .float16, shape: [4], storage: 0, byteCount: 8, isParameter: true),
        TensorDescriptor(name: "q", dtype: .float16, shape: [2], storage: 0, byteOffset: 4, byteCount: 4),
      ], storageSizes: [8],
      metadata: [.init(path: "", fields: [.init(name: "version", value: 1)])]),
    StateDict(independent: []),
    StateDict(independent: (0..<12).map { ("layer.\($0)", .int64, [1], 8) }),
  ]

  /// The state dicts as a format's layout has them; those that it cannot hold are left out.
  private static func files(_ format: any SynthesizableFormat) -> [[UInt8]] {
    states.compactMap { state in
      let storages = state.storageSizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 37) } }
      let checksums = storages.map { storage in
        var hasher = StorageHasher()
        storage.withUnsafeBytes { hasher.update($0) }
        return hasher.finalize()
      }
      do throws(FormatError) {
        return try format.layout(of: state, checksums: checksums).segments.flatMap { segment in
          switch segment {
          case .literal(let bytes): Array(bytes)
          case .storage(let index, let offset, let count): Array(storages[index][offset..<offset + count])
          }
        }
      } catch {
        return nil
      }
    }
  }

  static let safetensors: [[UInt8]] =
    files(SafetensorsFormat())
    + files(SafetensorsFormat()).map { file in
      // The same with more metadata, an unknown key and escapes.
      let header =
        Array(#"{"__metadata__":{"format":"pt","k":"v\n"},"\u0061":{"dtype":"F32","shape":[2],"#.utf8)
        + Array(
          #""data_offsets":[0,8],"x":[1e2,{"y":null}]},"b":{"dtype":"F4","shape":[2],"data_offsets":[8,9]}}"#.utf8)
      return little(UInt64(header.count)) + header + file.suffix(9)
    }

  /// The written archives, taken apart, and handmade ones: wrapped, nested, strided, shared.
  static let archives: [TestArchive] =
    files(TorchZipFormat()).compactMap(archive)
    + pickles.map { pickle in
      TestArchive(pickle: pickle, storages: [("0", Array(0..<16)), ("1", Array(0..<8))])
    }

  private static func archive(_ file: [UInt8]) -> TestArchive? {
    do throws(FormatError) {
      let reader = try ZipReader(BufferSource(file))
      var records: [TestArchive.Record] = []
      for record in reader.records {
        var copy = TestArchive.Record(
          reader.name(of: record), try reader.contents(of: record, limit: 1 << 20))
        if record.byteCount == 0 { copy.flags = 0x0800 }
        records.append(copy)
      }
      return TestArchive(records)
    } catch {
      return nil
    }
  }

  private static let numpyType =
    P.global("numpy", "dtype") + P.tuple(P.string("f4"), [0x89], [0x88]) + P.text("R")
    + P.tuple(
      P.integer(3), P.string("<"), P.text("N"), P.text("N"), P.text("N"), P.integer(-1), P.integer(-1), P.integer(0))
    + P.text("b")
  private static let latin1 =
    P.global("_codecs", "encode") + P.tuple(P.string(String(repeating: "\u{E9}", count: 24)), P.string("latin1"))
    + P.text("R")

  /// An array of 2 by 3 floats.
  private static func array(isFortran: Bool) -> [UInt8] {
    P.global("numpy.core.multiarray", "_reconstruct")
      + P.tuple(P.global("numpy", "ndarray"), P.integers([0]), P.string("b")) + P.text("R")
      + P.tuple(P.integer(1), P.integers([2, 3]), numpyType, [isFortran ? 0x88 : 0x89], latin1) + P.text("b")
  }

  private static let numpyWords: [[UInt8]] = [
    numpyType, latin1, array(isFortran: false), array(isFortran: true), P.string(">"), P.string("c16"), P.string("O8"),
    P.string("V8"), P.global("numpy._core.numeric", "_frombuffer"), P.global("numpy._core.multiarray", "scalar"),
    P.global("argparse", "Namespace"), P.global("collections", "defaultdict"), P.global("collections", "deque"),
    P.global("numpy.random._pickle", "__generator_ctor"), P.global("joblib.numpy_pickle", "NumpyArrayWrapper"),
    P.global("copyreg", "_reconstructor"), P.global("builtins", "object"), P.global("os", "system"),
    [0x8C, 2] + Array("os".utf8), [0x96, 4, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], [0x95, 9, 0, 0, 0, 0, 0, 0, 0],
    Array("I01\n".utf8), Array("L12L\n".utf8), Array("F1.5\n".utf8), Array("S'a'\n".utf8), Array("Va\n".utf8),
    Array("p1\n".utf8), Array("g1\n".utf8), Array("ios\nsystem\n".utf8),
  ]

  /// Files of all kinds that pickles are looked for in.
  static let containers: [[UInt8]] =
    archives.map(\.bytes) + legacy + archives.map { $0.records[0].data } + [
      [0x93] + Array("NUMPY".utf8) + [1, 0, 70, 0]
        + Array("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }         \n\n".utf8)
        + [UInt8](repeating: 1, count: 24),
      [0x93] + Array("NUMPY".utf8) + [1, 0, 60, 0]
        + Array("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }   \n".utf8) + P.whole(P.text("]")),
      [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 4, 0, 0xFB, 0xFF, 0x80, 2, 0x4E, 0x2E, 0, 0, 0, 0, 4, 0, 0, 0],
      [0x78, 1, 1, 4, 0, 0xFB, 0xFF, 0x80, 2, 0x4E, 0x2E, 0, 0, 0, 0],
      Array("cos\nsystem\n(S'true'\ntR.".utf8), Array("(lp0\nI1\naI2\na.".utf8), Array("cat\ndog\nbird\n".utf8),
    ]

  private static let first = P.tensor(P.storage(count: 4), shape: [2, 2], strides: [2, 1])
  private static let strided = P.tensor(P.storage(count: 4), shape: [2, 2], strides: [1, 2])

  private static let pickles: [[UInt8]] = [
    P.dict([("w", first), ("s", strided)]),
    P.dict([("state_dict", P.text("}") + P.string("w") + first + P.text("s")), ("epoch", P.integer(3))]),
    P.dict([("a", P.text("](") + first + strided + P.text("e")), ("b", P.tuple(first, P.integer(-5), [0x88]))]),
    P.whole(
      P.orderedDict + P.text("(") + P.string("w") + P.global("torch._utils", "_rebuild_parameter")
        + P.tuple(first, [0x88], P.orderedDict) + P.text("Ru}") + P.string("_metadata") + P.orderedDict + P.string("")
        + P.text("}") + P.string("version") + P.integer(1) + P.text("sssb")),
    P.dict([("w", first), ("n", array(isFortran: false)), ("f", array(isFortran: true))]),
    P.dict([("n", array(isFortran: true)), ("t", numpyType)]),
    P.dict([("w", P.tensor(P.storage("1", type: "DoubleStorage", count: 1), shape: [1], strides: [1])), ("x", strided)]
    ),
  ]

  static let legacy: [[UInt8]] = {
    let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    let head = magic + P.whole(P.integer(1001)) + P.dict([("little_endian", [0x88])])
    func storage(_ view: [UInt8]) -> [UInt8] {
      P.tuple(
        P.string("storage"), P.global("torch", "FloatStorage"), P.string("7"), P.string("cpu"), P.integer(4), view)
        + P.text("Q")
    }
    let whole = storage(P.text("N"))
    let part = storage(P.tuple(P.string("8"), P.integer(1), P.integer(3)))
    let tail = P.whole(P.text("]") + P.string("7") + P.text("a")) + little(4 as Int64) + [UInt8](0..<16)
    return [
      head + P.dict([("w", P.tensor(whole, shape: [2, 2], strides: [2, 1]))]) + tail,
      head
        + P.dict([
          ("w", P.tensor(whole, shape: [2, 2], strides: [1, 2])), ("v", P.tensor(part, shape: [3], strides: [1])),
        ])
        + tail,
    ]
  }()
}
