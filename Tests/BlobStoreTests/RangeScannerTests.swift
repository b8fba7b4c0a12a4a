import BlobStore
import PosixIO
import Synchronization
import SystemPackage
import Tensors
import TestSupport
import Testing

@Suite struct RangeScannerTests {
  private func file(_ byteCount: Int) throws -> (TemporaryFolder, OpenedFile, [UInt8]) {
    let scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 11) }
    try folder.replace("file", with: bytes, staging: folder)
    return (scratch, try folder.file("file"), bytes)
  }

  @Test func checksumsComeInTheOrderOfTheRanges() throws {
    let (scratch, file, bytes) = try file(3 << 20)
    let ranges = [100..<200, 0..<3 << 20, 5..<5, (1 << 20) - 1..<(2 << 20) + 1]
    let found = try RangeScanner(file).checksums(of: ranges)
    #expect(found.map(\.digest) == ranges.map { Digest(of: bytes[$0]) })
    #expect(found.map(\.crc32) == ranges.map { CRC32.checksum(Array(bytes[$0])) })
    withExtendedLifetime(scratch) {}
  }

  @Test func neighboursThatAreReadAtOnceAreToldApart() throws {
    let (scratch, file, bytes) = try file(3 << 20)
    var ranges: [Range<Int>] = []
    var end = 0
    while end < bytes.count {
      // Small ones, empty ones, gaps, and now and then one that is larger than what is read at once.
      let count = ranges.count % 500 == 499 ? 300_000 : ranges.count * 7919 % 800
      let start = min(end + (ranges.count % 100 == 99 ? 1000 : 0), bytes.count)
      end = min(start + count, bytes.count)
      ranges.append(start..<end)
    }
    #expect(ranges.count > 2000)
    let seen = Atomic(0)
    let scanner = RangeScanner(file) { seen.add($0, ordering: .relaxed).newValue >= 0 }
    let found = try scanner.checksums(of: ranges)
    #expect(found.map(\.digest) == ranges.map { Digest(of: bytes[$0]) })
    #expect(found.map(\.crc32) == ranges.map { CRC32.checksum(Array(bytes[$0])) })
    #expect(seen.load(ordering: .relaxed) == ranges.reduce(0) { $0 + $1.count })
    withExtendedLifetime(scratch) {}
  }

  @Test func aFileThatIsTooShortIsAnError() throws {
    let (scratch, file, _) = try file(10)
    let error = #expect(throws: PosixError.self) { try RangeScanner(file).checksums(of: [0..<11]) }
    #expect(error?.errno == .ioError)
    withExtendedLifetime(scratch) {}
  }

  @Test func progressCountsEveryByteAndStops() throws {
    let (scratch, file, _) = try file(3 << 20)
    let seen = Atomic(0)
    _ = try RangeScanner(file) { seen.add($0, ordering: .relaxed).newValue >= 0 }.checksums(of: [0..<3 << 20])
    #expect(seen.load(ordering: .relaxed) == 3 << 20)
    let error = #expect(throws: PosixError.self) { try RangeScanner(file) { _ in false }.checksums(of: [0..<3 << 20]) }
    #expect(error?.errno == .interrupted)
    withExtendedLifetime(scratch) {}
  }
}
