import Tensors
import TestSupport
import Testing
import WeightFormats

@Suite struct SafetensorsLayoutTests {
  @Test func everyStateDictIsWrittenAsSaveFileWritesIt() throws {
    var count = 0
    try StateDictMatrix.forEachCase { each in
      guard let expected = each.safetensors else { return }
      let layout = try SafetensorsFormat().layout(of: each.stateDict, checksums: each.checksums)
      let difference = firstDifference(layout.rendered(storages: each.storages), expected)
      #expect(difference == nil, "\(each.name)")
      #expect(try SafetensorsFormat().byteCount(of: each.stateDict) == layout.byteCount, "\(each.name)")
      count += 1
    }
    #expect(count > 60)
  }

  @Test func stateDictsThatSafetensorsCannotHoldAreRefused() throws {
    var count = 0
    try StateDictMatrix.forEachCase { each in
      guard each.safetensors == nil else { return }
      let error = #expect(throws: FormatError.self, "\(each.name)") {
        try SafetensorsFormat().layout(of: each.stateDict, checksums: each.checksums)
      }
      #expect(error?.code == .unsupported, "\(each.name)")
      if let error { #expect(throws: error, "\(each.name)") { try SafetensorsFormat().byteCount(of: each.stateDict) } }
      count += 1
    }
    #expect(count > 3)
  }

  @Test(arguments: [DType.complex32, .complex128])
  func complexTypesAreRefusedByTensorName(dtype: DType) throws {
    let byteCount = try #require(dtype.byteCount(ofElements: 2))
    let error = #expect(throws: FormatError.self) {
      try SafetensorsFormat().layout(
        of: StateDict(independent: [("fine", .uint8, [1], 1), ("odd.one", dtype, [2], byteCount)]),
        checksums: [StateDictMatrix.checksum([0]), StateDictMatrix.checksum([])])
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("'odd.one'") == true)
  }

  @Test func theReservedNameIsRefused() {
    let error = #expect(throws: FormatError.self) {
      try SafetensorsFormat().layout(
        of: StateDict(independent: [("__metadata__", .uint8, [1], 1)]), checksums: [StateDictMatrix.checksum([0])])
    }
    #expect(error?.code == .unsupported)
  }

  @Test func narrowFloatsOfOneFileAreWrittenBackUnchanged() throws {
    let header = [
      #"{"__metadata__":{"format":"pt"},"s":{"dtype":"F6_E3M2","shape":[4],"data_offsets":[0,3]},"#,
      #""s2":{"dtype":"F6_E2M3","shape":[2,2],"data_offsets":[3,6]},"#,
      #""even":{"dtype":"F4","shape":[3,2],"data_offsets":[6,9]},"odd":{"dtype":"F4","shape":[2,3],"data_offsets":[9,12]}}"#,
    ].joined()
    let file = safetensorsFile(
      header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8), data: Array(0..<12))
    let parsed = try SafetensorsFormat().parse(BufferSource(file))
    #expect(parsed.stateDict.tensors.map(\.dtype) == [.float6E3M2, .float6E2M3, .float4E2M1x2, .float4E2M1])
    #expect(parsed.stateDict.tensors.map(\.shape) == [[4], [2, 2], [3, 1], [2, 3]])
    let storages = try parsed.storageBytes(in: file)
    let layout = try SafetensorsFormat().layout(of: parsed.stateDict, checksums: storages.map(StateDictMatrix.checksum))
    #expect(firstDifference(layout.rendered(storages: storages), file) == nil)
  }
}

/// A safetensors file: the length of `header`, or `length` instead, then the header and the data.
func safetensorsFile(_ header: some StringProtocol, length: UInt64? = nil, data: [UInt8]) -> [UInt8] {
  safetensorsFile(bytes: Array(header.utf8), length: length, data: data)
}

/// A safetensors file whose header need not be text.
func safetensorsFile(bytes header: [UInt8], length: UInt64? = nil, data: [UInt8]) -> [UInt8] {
  let length = length ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + header + data
}

extension WeightFile {
  /// The bytes of each storage, all of which must be ranges of `file`.
  func storageBytes(in file: [UInt8]) throws -> [[UInt8]] {
    try storages.map { storage in
      guard case .range(let offset, let byteCount) = storage else { throw NotARange() }
      return Array(file[offset..<offset + byteCount])
    }
  }
}

struct NotARange: Error {}
