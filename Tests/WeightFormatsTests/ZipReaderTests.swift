import Tensors
import TestSupport
import Testing
import WeightFormats

private typealias P = TestPickle

@Suite struct ZipReaderTests {
  private static let pickle = P.dict([("w", P.tensor(P.storage(count: 4), shape: [2, 2], strides: [2, 1]))])
  private static let four = [UInt8](repeating: 7, count: 16)

  private func archive(_ change: (inout TestArchive) -> Void = { _ in }) -> [UInt8] {
    var archive = TestArchive(pickle: Self.pickle, storages: [("0", Self.four)])
    change(&archive)
    return archive.bytes
  }

  private func refusal(_ bytes: [UInt8]) -> FormatError? {
    do throws(FormatError) {
      _ = try TorchZipFormat().parse(BufferSource(bytes))
      return nil
    } catch { return error }
  }

  @Test func acceptsWhatTheHostileOnesAreMadeFrom() {
    #expect(refusal(archive()) == nil)
    #expect(refusal(archive { $0.isWide = false }) == nil)
    #expect(refusal(archive { $0.records.reverse() }) == nil)
    #expect(refusal(archive { $0.records[2].isWide = true }) == nil)
    #expect(refusal(archive { $0.records.append(.init("archive/.storage_alignment", "64")) }) == nil)
    // A record of no bytes has no descriptor.
    #expect(
      refusal(
        archive {
          var empty = TestArchive.Record("archive/data/1", [])
          empty.flags = 0x0800
          $0.records.append(empty)
        }) == nil)
  }

  static let lies: [(String, @Sendable (inout TestArchive) -> Void)] = [
    ("a comment at the end", { $0.comment = [1, 2, 3] }),
    ("bytes after the end", { $0.trailing = [0] }),
    ("an archive after the end", { $0.trailing = TestArchive(pickle: [0x80, 2, 0x4E, 0x2E]).bytes }),
    ("bytes before the first record", { $0.leading = [0] }),
    ("a program before the first record", { $0.leading = Array("#!/bin/sh\n".utf8) }),
    ("bytes between records", { $0.records[0].trailing = [0] }),
    ("bytes before the directory", { $0.records[3].trailing = [1, 2, 3, 4] }),
    ("another local name", { $0.records[2].localName = "archive/data/1" }),
    ("a longer local name", { $0.records[2].localName = "archive/data/00" }),
    ("other local flags", { $0.records[2].localFlags = 0x0800 }),
    ("another local method", { $0.records[2].localMethod = 8 }),
    ("compressed", { $0.records[2].method = 8 }),
    ("encrypted", { $0.records[2].flags = 0x0809 }),
    ("strongly encrypted", { $0.records[2].flags = 0x0848 }),
    ("patched data", { $0.records[2].flags = 0x0828 }),
    ("masked headers", { $0.records[2].flags = 0x2808 }),
    ("local checksum", { $0.records[2].localCRC32 = 1 }),
    ("local size", { $0.records[2].localByteCount = 15 }),
    ("descriptor's checksum", { $0.records[2].descriptorCRC32 = 1 }),
    ("descriptor's size", { $0.records[2].descriptorByteCount = 15 }),
    ("no descriptor", { $0.records[2].flags = 0x0800 }),
    (
      "pickle's checksum",
      {
        $0.records[0].crc32 = 1; $0.records[0].descriptorCRC32 = 1
      }
    ),
    ("central size", { $0.records[2].byteCount = 15 }),
    ("central size beyond the file", { $0.records[2].byteCount = 0x7FFF_FFFF }),
    ("central size without a zip64 field", { $0.records[2].byteCount = 0xFFFF_FFFF }),
    ("two central sizes", { $0.records[2].uncompressedByteCount = 17 }),
    ("two records at one place", { $0.records[2].headerOffset = 0 }),
    ("a record inside another", { $0.records[2].headerOffset = 70 }),
    ("a record behind the directory", { $0.records[2].headerOffset = 0x7FFF_FFFF }),
    ("a record comment", { $0.records[2].comment = [1] }),
    ("another disk", { $0.records[2].disk = 1 }),
    ("padding that says something", { $0.records[2].padding = 0x41 }),
    ("an unknown local field", { $0.records[2].localExtra = [0x55, 0x54, 1, 0, 9] }),
    ("a local field cut short", { $0.records[2].localExtra = [0x55, 0x54, 0xFF, 0xFF, 9] }),
    ("an unknown central field", { $0.records[2].centralExtra = [0x55, 0x54, 1, 0, 9] }),
    ("a needless zip64 field", { $0.records[2].centralExtra = [1, 0, 8, 0] + little(16 as UInt64) }),
    ("a unicode path field", { $0.records[2].centralExtra = [0x75, 0x70, 1, 0, 1] }),
    (
      "a local zip64 size that lies",
      { $0.records[2].localExtra = [1, 0, 16, 0] + little(99 as UInt64) + little(0 as UInt64) }
    ),
    ("a local zip64 offset that lies", { $0.records[2].localExtra = [1, 0, 8, 0] + little(99 as UInt64) }),
    (
      "a zip64 size that lies",
      {
        $0.records[2].byteCount = .max;
        $0.records[2].centralExtra = [1, 0, 16, 0] + little(UInt64.max) + little(UInt64.max)
      }
    ),
    (
      "two zip64 fields",
      {
        $0.records[2].byteCount = .max
        $0.records[2].centralExtra = [1, 0, 8, 0] + little(16 as UInt64) + [1, 0, 8, 0] + little(16 as UInt64)
      }
    ),
    ("one record too many", { $0.recordCount = 5 }),
    ("one record too few", { $0.recordCount = 3 }),
    ("two counts of records", { $0.wideRecordCount = 5 }),
    ("countless records", { $0.wideRecordCount = .max }),
    ("directory elsewhere", { $0.directoryOffset = 0 }),
    ("directory larger", { $0.directoryByteCount = 1000 }),
    ("zip64 end elsewhere", { $0.wideEndOffset = 0 }),
    ("two disks", { $0.diskCount = 2 }),
    ("the same name twice", { $0.records[3].name = "archive/data/0" }),
    ("the same name in capitals", { $0.records.append(.init("archive/DATA/0", [1, 2])) }),
    ("a second top", { $0.records.append(.init("other/data/1", [1, 2])) }),
    ("no top", { $0.records.append(.init("data", [1, 2])) }),
    ("a climbing name", { $0.records.append(.init("archive/data/../data.pkl2", [1, 2])) }),
    ("an absolute name", { $0.records.append(.init("/archive/data/1", [1, 2])) }),
    ("a name of a folder", { $0.records.append(.init("archive/data/", [])) }),
    ("a name with a backslash", { $0.records.append(.init("archive/data\\1", [1, 2])) }),
    ("a name with a zero", { $0.records.append(.init("archive/data/1\u{0}", [1, 2])) }),
    ("an empty name", { $0.records.append(.init("", [1, 2])) }),
    (
      "a name that is not marked as UTF-8",
      {
        var r = TestArchive.Record("archive/data/é", [1]); r.flags = 8; $0.records.append(r)
      }
    ),
    ("big-endian", { $0.records[1].data = Array("big".utf8) }),
    ("version 11", { $0.records[3].data = Array("11\n".utf8) }),
    ("version zero", { $0.records[3].data = Array("0".utf8) }),
    ("no version", { $0.records.remove(at: 3) }),
    ("two versions", { $0.records.append(.init("archive/.data/version", "3\n")) }),
    ("no pickle", { $0.records.remove(at: 0) }),
    ("an alignment that is not kept", { $0.records.append(.init("archive/.storage_alignment", "128")) }),
    ("an alignment of zero", { $0.records.append(.init("archive/.storage_alignment", "0")) }),
    ("a large version", { $0.records[3].data = [UInt8](repeating: 0x33, count: 5000) }),
  ]

  @Test(arguments: lies.map(\.0))
  func refusesArchivesThatContradictThemselvesOrHideSomething(_ label: String) throws {
    let lie = try #require(Self.lies.first { $0.0 == label }).1
    #expect(refusal(archive(lie)) != nil, "\(label)")
  }

  @Test(
    arguments: [
      ("m/code/__torch__/m.py", "TorchScript"), ("m/constants.pkl", "TorchScript"), ("arr_0.npy", "numpy"),
      ("model.weights.h5", "Keras"), ("m/.data/extern_modules", "torch.package"), ("[Content_Types].xml", "data.pkl"),
    ])
  func saysWhatOtherArchivesAre(_ name: String, _ kind: String) throws {
    var record = TestArchive.Record(name, "x")
    record.method = 8
    let error = try #require(refusal(TestArchive([record]).bytes))
    #expect(error.code == .unsupported && error.message.contains(kind))
  }

  @Test func listsStoragesThatThePickleDoesNotMention() throws {
    let bytes = archive { $0.records.append(.init("archive/data/1", [1, 2, 3])) }
    let file = try TorchZipFormat().parse(BufferSource(bytes))
    #expect(file.extras == ["data/1: 3 bytes that the pickle does not mention"])
    #expect(!file.isPlain)
  }

  @Test func refusesArchivesWithoutTheirBeginning() {
    let bytes = archive()
    for length in 1..<bytes.count { #expect(refusal(Array(bytes.suffix(length))) != nil, "\(length)") }
  }

  /// A file with one byte changed is refused, or it says the same.
  @Test func noFlippedByteChangesWhatIsFound() throws {
    let bytes = archive()
    let original = try TorchZipFormat().parse(BufferSource(bytes))
    var acceptedCount = 0
    for position in bytes.indices {
      for flip: UInt8 in [0x01, 0x08, 0x40, 0x80, 0xFF] {
        var changed = bytes
        changed[position] ^= flip
        guard let file = try? TorchZipFormat().parse(BufferSource(changed)) else { continue }
        acceptedCount += 1
        #expect(file.stateDict == original.stateDict && file.storages == original.storages, "offset \(position)")
        #expect(file.expectedCRC32 == original.expectedCRC32, "offset \(position)")
      }
    }
    // Dates, versions and attributes say nothing, and tensor data is not read; everything else must matter.
    #expect(acceptedCount < 5 * (4 * (8 + 12 + 2) + 16 + 8 + 5))
  }

  /// Two archives in one: what Python's zipfile finds at the end is not what stands at the beginning.
  @Test func refusesConcatenatedArchives() {
    let one = archive()
    let other = archive {
      $0.records[0].data = P.dict([("other", P.tensor(P.storage(count: 4), shape: [4], strides: [1]))])
    }
    #expect(refusal(one + other) != nil)
    #expect(refusal(one + [0] + other) != nil)
  }

  /// More records than a 16-bit count holds, as torch writes them.
  @Test func readsMoreThan65535Records() throws {
    let entries = (0..<66_000).map { index in
      ("t\(index)", P.tensor(P.storage("\(index)", type: "ByteStorage", count: 1), shape: [1], strides: [1]))
    }
    let storages = (0..<66_000).map { (key: "\($0)", data: [UInt8(truncatingIfNeeded: $0)]) }
    var archive = TestArchive(pickle: P.dict(entries), storages: storages)
    archive.recordCount = nil
    var bytes = archive.bytes
    // The end record's 16-bit counts are full; the zip64 one has the number.
    for position in bytes.count - 14..<bytes.count - 10 { bytes[position] = 0xFF }
    let file = try TorchZipFormat().parse(BufferSource(bytes))
    #expect(file.stateDict.tensors.count == 66_000)
    #expect(file.isPlain)
  }
}
