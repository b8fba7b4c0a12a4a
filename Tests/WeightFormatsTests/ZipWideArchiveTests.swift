import Tensors
import TestSupport
import Testing
import WeightFormats

private typealias P = TestPickle

/// A file of which only some stretches are not zero.
private struct SparseSource: ByteSource {
  private(set) var byteCount = 0
  private var stretches: [(offset: Int, bytes: [UInt8])] = []

  mutating func append(_ bytes: [UInt8]) {
    stretches.append((byteCount, bytes))
    byteCount += bytes.count
  }

  mutating func appendZeros(_ count: Int) { byteCount += count }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FormatError) {
    guard offset >= 0, buffer.count <= byteCount - offset else { throw FormatError(.truncated, "outside") }
    for index in 0..<buffer.count { buffer[index] = 0 }
    for stretch in stretches {
      let start = max(stretch.offset, offset)
      let end = min(stretch.offset + stretch.bytes.count, offset + buffer.count)
      guard start < end else { continue }
      for position in start..<end { buffer[position - offset] = stretch.bytes[position - stretch.offset] }
    }
  }
}

/// Archives beyond 4 GiB as torch writes them: a wide local field gives a large record's size and a zero, and a record behind it
/// just its header's offset; the 32-bit fields beside them stay zero.
@Suite struct ZipWideArchiveTests {
  private static let count = (4 << 30) + 4096

  /// What can be wrong: the size in the storage's local field, in its descriptor, or in the directory; the offset in the last
  /// record's local field.
  private struct Lie {
    var localSize = count
    var descriptorSize = count
    var centralSize = count
    var localOffset: Int?
  }

  private func archive(_ lie: Lie = Lie()) -> SparseSource {
    var file = SparseSource()
    var directory: [UInt8] = []
    var recordCount = 0
    let limit = Int(UInt32.max)
    func record(_ name: String, _ data: [UInt8], zeros: Int = 0) {
      let offset = file.byteCount
      let size = data.count + zeros
      var wide: [UInt8] = []
      if size >= limit { wide += little(UInt64(lie.localSize)) + little(0 as UInt64) }
      if offset >= limit { wide += little(UInt64(lie.localOffset ?? offset)) }
      let isWide = !wide.isEmpty
      if isWide { wide = little(1 as UInt16) + little(UInt16(wide.count)) + wide }
      let padding = 63 - (offset + 34 + name.utf8.count + wide.count + 63) % 64
      let extra = wide + [0x46, 0x42] + little(UInt16(padding)) + [UInt8](repeating: 0x5A, count: padding)
      file.append(
        little(0x0403_4B50 as UInt32) + [0, 0, 8, 8] + [UInt8](repeating: 0, count: 18)
          + little(UInt16(name.utf8.count))
          + little(UInt16(extra.count)) + Array(name.utf8) + extra + data)
      file.appendZeros(zeros)
      let crc32 = zeros > 0 ? 7 : CRC32.checksum(data)
      let stated = size >= limit ? lie.descriptorSize : size
      let sizes =
        isWide ? little(UInt64(stated)) + little(UInt64(stated)) : little(UInt32(stated)) + little(UInt32(stated))
      file.append(little(0x0807_4B50 as UInt32) + little(crc32) + sizes)
      var field: [UInt8] = []
      if size >= limit { field += little(UInt64(lie.centralSize)) + little(UInt64(lie.centralSize)) }
      if offset >= limit { field += little(UInt64(offset)) }
      if isWide { field = little(1 as UInt16) + little(UInt16(field.count)) + field }
      let narrow = little(UInt32(min(size, limit)))
      directory +=
        little(0x0201_4B50 as UInt32) + [0, 0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0] + little(crc32) + narrow + narrow
      directory += little(UInt16(name.utf8.count)) + little(UInt16(field.count)) + [UInt8](repeating: 0, count: 10)
      directory += little(UInt32(min(offset, limit))) + Array(name.utf8) + field
      recordCount += 1
    }
    let tensor = P.tensor(P.storage(type: "ByteStorage", count: Self.count), shape: [Self.count], strides: [1])
    record("big/data.pkl", P.dict([("w", tensor)]))
    record("big/data/0", [], zeros: Self.count)
    record("big/version", [0x33, 0x0A])
    let offset = UInt64(file.byteCount)
    file.append(directory)
    let end = UInt64(file.byteCount)
    let counts = little(UInt64(recordCount)) + little(UInt64(recordCount))
    file.append(
      little(0x0606_4B50 as UInt32) + little(44 as UInt64) + little(0x002D_031E as UInt32) + little(0 as UInt64)
        + counts
        + little(UInt64(directory.count)) + little(offset))
    file.append(little(0x0706_4B50 as UInt32) + little(0 as UInt32) + little(end) + little(1 as UInt32))
    file.append(
      little(0x0605_4B50 as UInt32) + little(0 as UInt32) + little(UInt16(recordCount)) + little(UInt16(recordCount))
        + little(UInt32(directory.count)) + little(UInt32.max) + [0, 0])
    return file
  }

  @Test func readsAStorageOfMoreThan4GiB() throws {
    let file = try TorchZipFormat().parse(archive())
    #expect(file.stateDict.storageSizes == [Self.count])
    guard case .range(let offset, Self.count) = file.storages[0] else {
      Issue.record("the storage is \(file.storages[0])")
      return
    }
    #expect(offset % 64 == 0)
    #expect(file.expectedCRC32 == [7])
  }

  @Test func refusesWideFieldsThatLie() {
    var lies = [Lie](repeating: Lie(), count: 4)
    lies[0].localSize += 1
    lies[1].descriptorSize -= 1
    lies[2].centralSize -= 1
    lies[3].localOffset = 0
    for lie in lies { #expect(throws: FormatError.self) { try TorchZipFormat().parse(archive(lie)) } }
  }
}
