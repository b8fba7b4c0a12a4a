import TestSupport
import Testing
import WeightFormats

private typealias P = TestPickle

/// Files in which torch would find other values than a careless reader.
@Suite struct SameValuesTests {
  private static let four = [UInt8](repeating: 1, count: 16)
  private static let tensor = P.tensor(P.storage(count: 4), shape: [4], strides: [1])

  private func refusal(_ pickle: [UInt8]) -> FormatError? {
    do throws(FormatError) {
      _ = try TorchZipFormat().parse(
        BufferSource(TestArchive(pickle: pickle, storages: [("0", Self.four)]).bytes))
      return nil
    } catch { return error }
  }

  private func float(_ value: Double) -> [UInt8] {
    P.text("G") + (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(56 - 8 * $0)) }
  }

  private func complex(_ real: Double, _ imaginary: Double) -> [UInt8] {
    P.global("builtins", "complex") + P.tuple(float(real), float(imaginary)) + P.text("R")
  }

  private func wide(_ digits: [UInt8]) -> [UInt8] { [0x8A, UInt8(digits.count)] + digits }

  @Test func keysAreOneIfPythonTakesThemForOne() {
    let pairs: [([UInt8], [UInt8])] = [
      (P.integer(1), [0x88]), (P.integer(0), [0x89]), (P.integer(1), float(1)), (float(0), float(-0.0)),
      (float(1), complex(1, 0)), ([0x88], complex(1, -0.0)), (complex(2, 3), complex(2, 3)), (float(0.5), float(0.5)),
      (wide([0, 0, 0, 0, 0, 0, 0, 0, 1]), float(18_446_744_073_709_551_616)),
      (wide([0, 0, 0, 0, 0, 0, 0, 0, 255]), float(-18_446_744_073_709_551_616)),
      (wide([5, 0, 0]), P.integer(5)), (wide([0, 0, 0, 0, 0, 0, 0, 0, 1, 0]), wide([0, 0, 0, 0, 0, 0, 0, 0, 1])),
      (P.text("N"), P.text("N")), (P.string("a"), P.text("U\u{1}a")), (P.string("a"), [0x8C, 1, 0x61]),
    ]
    for (index, (first, second)) in pairs.enumerated() {
      let twice = P.whole(P.text("}(") + first + P.text("N") + second + Self.tensor + P.text("u"))
      #expect(refusal(twice)?.message.contains("twice") == true, "\(index)")
      let once = P.whole(P.text("}(") + first + P.text("N") + P.string("w") + Self.tensor + P.text("u"))
      #expect(refusal(once) == nil, "\(index)")
    }
    let different: [([UInt8], [UInt8])] = [
      (P.integer(1), P.string("1")), (P.integer(2), [0x88]), (float(.nan), float(.nan)), (complex(1, 1), P.integer(1)),
      (float(0.5), P.integer(0)), (wide([1, 0, 0, 0, 0, 0, 0, 0, 1]), float(18_446_744_073_709_551_616)),
    ]
    for (index, (first, second)) in different.enumerated() {
      let pickle = P.whole(
        P.text("}(") + first + P.text("N") + second + P.text("N") + P.string("w") + Self.tensor + P.text("u"))
      #expect(refusal(pickle) == nil, "\(index)")
    }
  }

  /// numpy's texts equal Python's, so that one could stand for a tensor's name.
  @Test func keysOfOtherProgramsAreRefusedBesideTensors() {
    let path = P.global("pathlib", "PosixPath") + P.tuple(P.string("w")) + P.text("R")
    let pickle = P.whole(P.text("}(") + path + P.text("N") + P.string("w") + Self.tensor + P.text("u"))
    #expect(refusal(pickle)?.code == .unsupported)
    let apart = P.dict([("w", Self.tensor), ("x", P.text("}") + path + P.text("Ns"))])
    #expect(refusal(apart) == nil)
  }

  @Test func classesAreNoAttributesOfTensors() {
    func attribute(_ value: [UInt8]) -> [UInt8] {
      P.dict([
        (
          "w",
          P.global("torch._tensor", "_rebuild_from_type_v2")
            + P.tuple(
              P.global("torch._utils", "_rebuild_tensor_v2"), P.global("torch", "Tensor"),
              P.tuple(P.storage(count: 4), P.integer(0), P.integers([4]), P.integers([1]), [0x89], P.orderedDict),
              P.text("}") + P.string("size") + value + P.text("s")) + P.text("R")
        )
      ])
    }
    #expect(refusal(attribute(P.integer(1))) == nil)
    #expect(refusal(attribute(P.global("torch", "Size")))?.code == .forbidden)
    #expect(refusal(attribute(P.global("torch", "float32")))?.code == .forbidden)
  }

  // MARK: Legacy

  private func legacy(_ objects: [(String, [UInt8])], keys: [String] = ["7"]) -> FormatError? {
    let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    let data = little(4 as Int64) + Self.four
    let bytes =
      magic + P.whole(P.integer(1001)) + P.dict([("little_endian", [0x88])]) + P.dict(objects)
      + P.whole(P.text("](") + keys.flatMap(P.string) + P.text("e")) + keys.flatMap { _ in data }
    do throws(FormatError) {
      _ = try TorchLegacyFormat().parse(BufferSource(bytes))
      return nil
    } catch { return error }
  }

  private func part(_ root: String, _ key: String, _ offset: Int, _ count: Int, type: String = "FloatStorage")
    -> [UInt8]
  {
    let storage =
      P.tuple(
        P.string("storage"), P.global("torch", type), P.string(root), P.string("cpu"), P.integer(4),
        P.tuple(P.string(key), P.integer(offset), P.integer(count))) + P.text("Q")
    return P.tensor(storage, shape: [count], strides: [1])
  }

  @Test func partsOfStoragesAreWhatTheirFirstMentionSays() {
    #expect(legacy([("a", part("7", "8", 1, 2)), ("b", part("7", "8", 1, 2)), ("c", part("7", "9", 0, 2))]) == nil)
    #expect(legacy([("a", part("7", "8", 1, 2)), ("b", part("7", "8", 0, 2))]) != nil)
    #expect(legacy([("a", part("7", "8", 1, 2)), ("b", part("7", "8", 1, 3))]) != nil)
    #expect(legacy([("a", part("7", "7", 0, 4))]) != nil)
    #expect(legacy([("a", part("7", "8", 0, 2)), ("b", part("6", "8", 0, 2))], keys: ["6", "7"]) != nil)
    #expect(legacy([("a", part("7", "6", 0, 2)), ("b", part("6", "9", 0, 2))], keys: ["6", "7"]) != nil)
    #expect(legacy([("a", part("7", "8", 0, 2)), ("b", part("6", "9", 0, 2))], keys: ["6", "7"]) == nil)
  }
}
