import Tensors
import TestSupport
import Testing
import WeightFormats

@Suite struct SafetensorsParseTests {
  private let format = SafetensorsFormat()

  @Test func whatSaveFileWroteIsReadBack() throws {
    var count = 0
    try StateDictMatrix.forEachCase { each in
      guard let bytes = each.safetensors else { return }
      #expect(format.recognizes(Array(bytes.prefix(64)), byteCount: bytes.count), "\(each.name)")
      let file = try format.parse(BufferSource(bytes))
      let storages = try file.storageBytes(in: bytes)
      let tensors = file.stateDict.tensors
      #expect(tensors.count == each.stateDict.tensors.count, "\(each.name)")
      #expect(tensors.map(\.storage) == Array(tensors.indices), "\(each.name)")
      #expect(file.stateDict.storageSizes == tensors.map(\.byteCount), "\(each.name)")
      #expect(!file.isPlain && file.extras.isEmpty && file.stateDict.metadata == nil, "\(each.name)")
      // By bytes: as Swift strings, names in different normalizations would be equal.
      let expected = Dictionary(each.stateDict.tensors.map { (Array($0.name.utf8), $0) }) { $1 }
      for tensor in tensors {
        let original = try #require(expected[Array(tensor.name.utf8)], "\(each.name): \(tensor.name)")
        #expect(tensor.dtype == original.dtype && tensor.shape == original.shape, "\(each.name): \(tensor.name)")
        let whole = each.storages[original.storage]
        let bytes = whole[original.byteOffset..<original.byteOffset + original.byteCount]
        #expect(storages[tensor.storage] == Array(bytes), "\(each.name): \(tensor.name)")
      }
      let layout = try format.layout(of: file.stateDict, checksums: storages.map(StateDictMatrix.checksum))
      #expect(layout.rendered(storages: storages) == bytes, "\(each.name)")
      count += 1
    }
    #expect(count > 60)
  }

  @Test func tensorsComeInTheOrderOfTheirBytes() throws {
    let names = try tensorNames(
      #"{"c":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"z":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},"#
        + #""y":{"dtype":"F32","shape":[0,3],"data_offsets":[2,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
        + #""end":{"dtype":"U8","shape":[0],"data_offsets":[3,3]},"begin":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
      dataByteCount: 3)
    #expect(names == ["begin", "a", "z", "y", "c", "end"])
  }

  @Test func ofTwoEntriesWithOneNameTheLastCounts() throws {
    let file = try format.parse(
      BufferSource(
        safetensorsFile(
          #"{"a":{"dtype":"F64","shape":[9],"data_offsets":[5,1]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
          data: [1, 2])))
    #expect(file.stateDict == StateDict(independent: [("a", .uint8, [2], 2)]))
  }

  @Test func namesThatDifferOnlyInNormalizationAreTwo() throws {
    let names = try tensorNames(
      "{\"\u{E9}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
        + "\"e\u{301}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
      dataByteCount: 2)
    #expect(names.map { Array($0.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
  }

  @Test func escapesInNamesAreDecoded() throws {
    let names = try tensorNames(
      #"{"\u0041\u00e9\ud83d\uDE00\n\/\"\\\u0000\b\f\r\t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
      dataByteCount: 1)
    #expect(names == ["A\u{E9}\u{1F600}\n/\"\\\u{0}\u{8}\u{C}\r\t"])
  }

  @Test func otherMetadataIsListed() throws {
    let file = try format.parse(
      BufferSource(
        safetensorsFile(
          #"{"__metadata__":{"format":"pt","license":"MIT\nor not","a":"1","a":"2","long":"\#(String(repeating: "x", count: 300))"}}"#,
          data: [])))
    #expect(
      file.extras == [
        "__metadata__: license = MIT or not", "__metadata__: a = 2",
        "__metadata__: long = " + String(repeating: "x", count: 200) + "...",
      ])
    let other = try format.parse(BufferSource(safetensorsFile(#"{"__metadata__":{"format":"np"}}"#, data: [])))
    #expect(other.extras == ["__metadata__: format = np"])
  }

  @Test func errorsNameTheTensorAndTheOffset() {
    func expectError(_ code: FormatError.Code, _ words: [String], _ header: String, dataByteCount: Int) {
      let bytes = safetensorsFile(header, data: [UInt8](repeating: 0, count: dataByteCount))
      let error = #expect(throws: FormatError.self) { try format.parse(BufferSource(bytes)) }
      #expect(error?.code == code)
      for word in words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "") lacks \(word)") }
    }
    expectError(
      .malformed, ["'x.y'", "[4, 8]", "begin at 0"], #"{"x.y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      dataByteCount: 8)
    expectError(
      .malformed, ["'x.y'", "F128", "offset 16"], #"{"x.y":{"dtype":"F128","shape":[1],"data_offsets":[0,4]}}"#,
      dataByteCount: 4)
    expectError(
      .truncated, ["'x.y'", "has 3"], #"{"x.y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, dataByteCount: 3)
    expectError(
      .malformed, ["1 bytes after", "offset 68"], #"{"x.y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      dataByteCount: 5)
    expectError(
      .malformed, ["'x.y'", "8 bytes", "[2]"], #"{"x.y":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
      dataByteCount: 4)
    expectError(.malformed, ["offset 10", "','"], "{ ,}", dataByteCount: 0)
  }

  @Test func aHugeHeaderIsRefusedBeforeItIsRead() {
    /// A file that is large only in name, and that must not be read beyond its first 8 bytes.
    struct Announcement: ByteSource {
      let length: UInt64
      var byteCount: Int { Int.max }
      func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FormatError) {
        guard offset == 0, buffer.count == 8 else {
          throw FormatError(.unreadable, "read \(buffer.count) at \(offset)")
        }
        withUnsafeBytes(of: length.littleEndian) { buffer.copyMemory(from: $0) }
      }
    }
    for length in [100_000_001, UInt64(Int.max), UInt64(Int.max) + 1, UInt64.max] {
      let error = #expect(throws: FormatError.self) { try format.parse(Announcement(length: length)) }
      #expect(error?.code == .limit)
    }
  }

  @Test func deepNestingIsRefusedWithoutRecursion() {
    for opening in ["[", "{\"a\":"] {
      let header = "{\"t\":{\"extra\":" + String(repeating: opening, count: 300_000)
      let error = #expect(throws: FormatError.self) {
        try format.parse(BufferSource(safetensorsFile(header, data: [])))
      }
      #expect(error?.code == .limit)
    }
  }

  @Test func onlySafetensorsFilesAreRecognized() {
    func recognizes(_ bytes: [UInt8]) -> Bool { format.recognizes(Array(bytes.prefix(64)), byteCount: bytes.count) }
    #expect(recognizes(safetensorsFile("{}", data: [])))
    #expect(recognizes(safetensorsFile(" \n\t\r{}", data: [])))
    #expect(recognizes(safetensorsFile("{}", length: 4_000_000_000, data: [])))
    #expect(recognizes(safetensorsFile(String(repeating: " ", count: 100) + "{}", data: [])))
    #expect(!recognizes(safetensorsFile("[]", data: [])))
    #expect(!recognizes(safetensorsFile("", data: [])))
    #expect(!recognizes(safetensorsFile("", data: Array("{}".utf8))))
    #expect(!recognizes([]))
    #expect(!recognizes(Array("PK\u{3}\u{4}\u{0}\u{0}\u{8}\u{8}{}".utf8)))
    #expect(!recognizes([0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20]))
  }

  private func tensorNames(_ header: String, dataByteCount: Int) throws -> [String] {
    let file = safetensorsFile(header, data: [UInt8](repeating: 0, count: dataByteCount))
    return try format.parse(BufferSource(file)).stateDict.tensors.map(\.name)
  }
}
