import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

@Suite struct TorchZipLayoutTests {
  @Test func everyStateDictIsWrittenAsTorchSaveWritesIt() throws {
    var count = 0
    try StateDictMatrix.forEachCase { each in
      let layout = try TorchZipFormat().layout(of: each.stateDict, checksums: each.checksums)
      let difference = firstDifference(layout.rendered(storages: each.storages), each.torch)
      #expect(difference == nil, "\(each.name)")
      #expect(layout.byteCount == each.torch.count, "\(each.name)")
      #expect(try TorchZipFormat().byteCount(of: each.stateDict) == layout.byteCount, "\(each.name)")
      count += 1
    }
    #expect(count > 100)
  }

  @Test func storagesAreAlignedAndNeverCopied() throws {
    let each = try StateDictMatrix.load("dtype-mixed")
    let layout = try TorchZipFormat().layout(of: each.stateDict, checksums: each.checksums)
    var position = 0
    var seen: [Int] = []
    for segment in layout.segments {
      if case .storage(let index, let offset, let byteCount) = segment {
        #expect(position % 64 == 0)
        #expect(offset == 0 && byteCount == each.stateDict.storageSizes[index])
        seen.append(index)
      }
      position += segment.byteCount
    }
    #expect(seen == each.stateDict.storageSizes.indices.filter { each.stateDict.storageSizes[$0] > 0 })
  }

  @Test func theContainerOfTheSourceDoesNotMatter() throws {
    var each = try StateDictMatrix.load("tie-mixed").stateDict
    let checksums = try StateDictMatrix.load("tie-mixed").checksums
    let ordered = try TorchZipFormat().layout(of: each, checksums: checksums)
    each.container = .dict
    #expect(try TorchZipFormat().layout(of: each, checksums: checksums) == ordered)
  }

  @Test(arguments: ["dtype-mixed", "count-5200", "names", "count-0", "count-70000"])
  func unzipFindsNoFault(name: String) throws {
    let each = try StateDictMatrix.load(name)
    let folder = try TemporaryFolder()
    let layout = try TorchZipFormat().layout(of: each.stateDict, checksums: each.checksums)
    try Data(layout.rendered(storages: each.storages)).write(to: URL(fileURLWithPath: folder("model.pt")))
    let unzip = try Command.run("unzip", ["-tqq", folder("model.pt")])
    #expect(unzip.status == 0, "\(unzip.outputText) \(unzip.errorText)")
  }

  @Test func aFileBeyondFourGibibytesIsReadByZipfileAndByTorch() throws {
    // Zeros of which no byte is on the disk, between tensors that are there; one record starts just past 4 GiB.
    let big = (1 << 32) + 4096
    let (first, last): ([UInt8], [UInt8]) = ([1, 2, 3], [9, 8, 7, 6])
    let stateDict = StateDict(independent: [
      ("first", .uint8, [3], 3), ("big", .uint8, [big], big), ("empty", .uint8, [0], 0), ("last", .uint8, [4], 4),
    ])
    var zeros = CRC32()
    let chunk = [UInt8](repeating: 0, count: 4096 * 256)
    chunk.withUnsafeBytes { bytes in
      for _ in 0..<big / chunk.count { zeros.update(bytes) }
      zeros.update(UnsafeRawBufferPointer(rebasing: bytes[..<(big % chunk.count)]))
    }
    let checksums = [
      StateDictMatrix.checksum(first), StorageChecksum(digest: Digest(of: []), crc32: zeros.value),
      StateDictMatrix.checksum([]), StateDictMatrix.checksum(last),
    ]
    let layout = try TorchZipFormat().layout(of: stateDict, checksums: checksums)
    #expect(try TorchZipFormat().byteCount(of: stateDict) == layout.byteCount)
    let folder = try TemporaryFolder()
    try layout.writeSparsely(to: folder("model.pt"), storages: [0: first, 3: last])
    let report = try Python.oracle("read_big_archive.py", [folder("model.pt")])
    #expect(report == "first (3,) 6 last (4,) 30 big (\(big),) 0 empty (0,) records 10\n")
  }

  @Test(arguments: [DType.float4E2M1, .float6E2M3, .float6E3M2])
  func dtypesThatTorchLacksAreRefusedByName(dtype: DType) throws {
    let byteCount = try #require(dtype.byteCount(ofElements: 8))
    let error = #expect(throws: FormatError.self) {
      try layout(StateDict(independent: [("odd.one", dtype, [8], byteCount)]))
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("'odd.one'") == true)
  }

  @Test func oneStorageOfTwoDtypesIsRefusedAsTorchRefusesIt() {
    let tensors = [
      TensorDescriptor(name: "a", dtype: .float32, shape: [2], storage: 0, byteCount: 8),
      TensorDescriptor(name: "b", dtype: .int32, shape: [2], storage: 0, byteCount: 8),
    ]
    let error = #expect(throws: FormatError.self) { try layout(StateDict(tensors: tensors, storageSizes: [8])) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("'b'") == true)
  }

  @Test func damagedStateDictsAreRefusedAndNeverTrap() {
    func expectRefusal(_ change: (inout StateDict) -> Void, _ line: Int = #line) {
      var stateDict = StateDict(independent: [("a", .float32, [2], 8), ("b", .float32, [2], 8)])
      change(&stateDict)
      let checksums = [StorageChecksum](repeating: StateDictMatrix.checksum([]), count: 2)
      for format in [TorchZipFormat(), SafetensorsFormat()] as [any SynthesizableFormat] {
        let error = #expect(throws: FormatError.self, "line \(line)") {
          try format.layout(of: stateDict, checksums: checksums)
        }
        #expect(error?.code == .malformed, "line \(line)")
        // The one more checksum that there is then does not matter to the size.
        guard stateDict.storageSizes.count == checksums.count, let error else { continue }
        #expect(throws: error, "line \(line)") { try format.byteCount(of: stateDict) }
      }
    }
    expectRefusal { $0.tensors[1].storage = 2 }
    expectRefusal { $0.tensors[1].storage = -1 }
    expectRefusal { $0.tensors[1].byteOffset = 4 }
    expectRefusal { $0.tensors[1].byteOffset = Int.max }
    expectRefusal { $0.tensors[1].byteOffset = -4 }
    expectRefusal { $0.tensors[1].byteCount = 4 }
    expectRefusal { $0.tensors[1].byteCount = -8 }
    expectRefusal { $0.tensors[1].shape = [Int.max, 2] }
    expectRefusal { $0.tensors[1].shape = [-2] }
    expectRefusal { $0.storageSizes[1] = Int.max }
    expectRefusal { $0.storageSizes[1] = -1 }
    expectRefusal { $0.storageSizes = [8] }
    expectRefusal { $0.tensors[1].sameObjectAs = 0 }
    expectRefusal { $0.tensors[1].sameObjectAs = 1 }
    expectRefusal { $0.tensors[1].sameObjectAs = -1 }
    expectRefusal { $0.tensors[1].sameObjectAs = 7 }
  }

  @Test func storagesTooBigTogetherAreRefused() {
    let size = Int.max / 8
    let stateDict = StateDict(independent: (0..<4).map { ("t\($0)", DType.uint8, Shape([size]), size) })
    for format in [TorchZipFormat(), SafetensorsFormat()] as [any SynthesizableFormat] {
      let checksums = [StorageChecksum](repeating: StateDictMatrix.checksum([]), count: 4)
      let error = #expect(throws: FormatError.self) { try format.layout(of: stateDict, checksums: checksums) }
      #expect(error?.code == .limit)
      if let error { #expect(throws: error) { try format.byteCount(of: stateDict) } }
    }
  }

  @Test func archivesAreRecognizedByTheirFirstRecord() {
    let format = TorchZipFormat()
    #expect(format.recognizes([0x50, 0x4B, 3, 4, 0], byteCount: 5))
    #expect(!format.recognizes([0x50, 0x4B, 5, 6, 0], byteCount: 5))
    #expect(!format.recognizes([0x50, 0x4B, 3], byteCount: 3))
    #expect(!format.recognizes([], byteCount: 0))
  }

  private func layout(_ stateDict: StateDict) throws(FormatError) -> FileLayout {
    let checksums = stateDict.storageSizes.map { _ in StateDictMatrix.checksum([]) }
    return try TorchZipFormat().layout(of: stateDict, checksums: checksums)
  }
}
