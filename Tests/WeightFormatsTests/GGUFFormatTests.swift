import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

/// GGUF headers against what the package gguf writes and reads.
@Suite struct GGUFFormatTests {
  /// What gguf's reader tells of a tensor.
  private struct Told: Decodable {
    var name: String
    var type: String
    /// nil for a quantized one.
    var dtype: String?
    var shape: [Int]
    var offset: Int
    var byteCount: Int
    var sha256: String
  }

  @Test func filesOfTheGgufPackageAreReadAsItReadsThem() throws {
    let scratch = try TemporaryFolder()
    let count = 240
    try Python.oracle("gguf_imports.py", ["make", scratch(""), "\(count)", "7"])
    var (read, unread, types) = (0, 0, Set<String>())
    for number in 0..<count {
      let path = scratch("\(number).gguf")
      let told = try JSONDecoder().decode(
        [Told].self, from: Data(contentsOf: URL(fileURLWithPath: scratch("\(number).json"))))
      let source = BufferSource([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
      let header = try GGUFHeader(source)
      #expect(header.tensors.map(\.name) == told.map(\.name))
      #expect(header.tensors.map(\.typeName) == told.map(\.type))
      #expect(header.tensors.map(\.shape.dimensions) == told.map(\.shape))
      #expect(header.tensors.map(\.offset) == told.map(\.offset))
      #expect(header.tensors.map(\.byteCount) == told.map(\.byteCount))
      #expect(header.architecture == "odd" && header.end == source.byteCount)
      types.formUnion(told.map(\.type))
      let isStateDict = told.allSatisfy { $0.dtype != nil }
      #expect(header.isStateDict == isStateDict)
      #expect(try OpaqueFormat.format(of: source, named: "a.gguf") == (isStateDict ? nil : .gguf))
      guard isStateDict else {
        let error = #expect(throws: FormatError.self) { try WeightFormatCatalogue.parse(source) }
        #expect(error?.code == .unsupported && error?.message.contains("quantized") == true)
        unread += 1
        continue
      }
      let (format, file) = try WeightFormatCatalogue.parse(source)
      #expect(format.name == "gguf" && file.inconsistency(byteCount: source.byteCount) == nil)
      for (tensor, told) in zip(file.stateDict.tensors, told) {
        #expect(tensor.dtype.rawValue == told.dtype && tensor.byteCount == told.byteCount)
        #expect(
          Digest(of: try file.bytes(of: tensor, in: source)).hexadecimal == told.sha256,
          "\(number) \(told.name)")
      }
      read += 1
    }
    #expect(read == 160 && unread == 80)
    // Every type that files are made in, but one that no file has.
    #expect(types.count >= GGUFType.allCases.count - 3, "\(types.sorted())")
  }

  @Test func keysAreTold() throws {
    let header = try GGUFHeader(BufferSource(TestGGUF.whole.bytes))
    #expect(
      header.architecture == "llama" && header.keyLines.first == "general.architecture = llama")
    #expect(
      header.keyLines.contains("a.strings = 3 strings")
        && header.keyLines.contains("a.4 = 3 numbers (u32)"))
    #expect(
      header.keyLines.contains("k.7 = true") && header.keyLines.contains("general.alignment = 8"))
    var many = TestGGUF.small
    many.keys += (0..<300).map {
      (Array("k\($0)".utf8), TestGGUF.text("a\nb\u{7F}" + String(repeating: "x", count: 999)))
    }
    let lines = try GGUFHeader(BufferSource(many.bytes)).keyLines
    #expect(lines.count == 101 && lines.last == "201 more keys")
    #expect(
      lines[1].hasPrefix("k0 = a b xxx") && lines[1].hasSuffix("...") && lines[1].utf8.count < 320)
  }

  /// Types that ggml may get one day: where the next tensor begins says what they take.
  @Test func aFileWithTypesThatAreNotKnownIsKeptUnread() throws {
    var file = TestGGUF.quantized
    file.tensors.insert(TestGGUF.Tensor("new", [3], type: 99, byteCount: 40), at: 1)
    file.tensors.append(TestGGUF.Tensor("newer", [3], type: 100, byteCount: 32))
    let source = BufferSource(file.bytes)
    let header = try GGUFHeader(source)
    #expect(header.tensors.map(\.typeName) == ["F32", "type 99", "Q8_0", "type 100"])
    #expect(header.tensors.map(\.byteCount) == [32, 64, 68, 32])
    #expect(try OpaqueFormat.format(of: source, named: "a.gguf") == .gguf)
  }

  @Test func whatIsWrongWithAFileIsSaid() throws {
    let cases: [((inout TestGGUF) -> Void, FormatError.Code, String)] = [
      ({ $0.version = 1 }, .unsupported, "version 1, expected 2 or 3"),
      ({ $0.version = 3 << 24 }, .unsupported, "big-endian"),
      (
        { $0.tensors[0].offset = 64 }, .malformed,
        "leaves a hole before it: its offset is 64, expected 0"
      ),
      ({ $0.tensors[0].offset = 7 }, .malformed, "no multiple of 32"),
      ({ $0.tensors.append($0.tensors[0]) }, .malformed, "'w': a second one"),
      (
        { $0.keys.append((Array("a".utf8), TestGGUF.array(9, 1, []))) }, .unsupported,
        "array of arrays"
      ),
      ({ $0.tensors[0].type = 8 }, .malformed, "no multiple of the 32 elements of Q8_0"),
      ({ $0.tensors[0].sizes = [1 << 20] }, .truncated, "'w' needs 4194304 bytes"),
      ({ $0.tail = [0] }, .malformed, "1 bytes after the last tensor"),
      ({ $0.tensors = [] }, .unsupported, "without tensors"),
    ]
    for (change, code, words) in cases {
      var file = TestGGUF.small
      change(&file)
      let error = #expect(throws: FormatError.self) {
        try GGUFFormat().parse(BufferSource(file.bytes))
      }
      #expect(
        error?.code == code && error?.message.contains(words) == true,
        "\(String(describing: error))")
    }
  }
}
