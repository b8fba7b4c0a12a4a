import BlobStore
import Foundation
import Logging
import PosixIO
import StoreRecords
import Tensors
import TestSupport
import Testing

/// Tables as they are on disk.
@Suite struct TableTextTests {
  private let fixture: RecordsFixture
  private let records: RecordStore

  init() throws {
    fixture = try RecordsFixture()
    records = try fixture.open()
  }

  private static let names = [
    "plain", "", "two words", "\"quoted\" \\ / slash", "\u{0}\u{1}\u{8}\u{9}\u{A}\u{C}\u{D}\u{1F}\u{7F}",
    "\u{FF}\u{2028}\u{1F600}",
  ]

  /// A table of which every part is there.
  private static func everything() -> Table {
    let digests = (0..<4).map { Digest(of: [UInt8($0)]) }
    let segments = SegmentTable(
      digests.enumerated().map { .init(offset: $0 * 8, byteCount: 8, digest: $1) })
    var tensors = names.enumerated().map { index, name in
      TensorDescriptor(
        name: name, dtype: DType.allCases[index % 4], shape: Shape([8]), storage: 0, byteCount: 8,
        isParameter: index % 2 == 0, requiresGrad: index % 3 == 0)
    }
    for index in tensors.indices { (tensors[index].dtype, tensors[index].shape) = (.uint8, [8]) }
    tensors[2].sameObjectAs = 1
    for index in 0..<12 {
      tensors.append(
        TensorDescriptor(
          name: "part \(index)", dtype: .uint8, shape: [2, 0], storage: 1, byteOffset: index % 8, byteCount: 0))
    }
    return Table(
      stateDict: StateDict(
        container: .dict, tensors: tensors, storageSizes: [8, 8, 0],
        metadata: [.init(path: "", fields: [.init(name: "version", value: -2)]), .init(path: "a\"b", fields: [])]),
      packs: [Table.Pack(blob: segments.blob, segments: segments)],
      storages: [
        .init(pack: 0, segment: 0, crc32: .max, descriptorWord: 7),
        .init(pack: 0, segment: 1, crc32: 0, descriptorWord: nil),
        .init(pack: nil, segment: nil, crc32: 0, descriptorWord: nil),
      ],
      partialDigests: Dictionary(uniqueKeysWithValues: (6..<18).map { ($0, Digest(of: [UInt8($0)])) }),
      stitch: .init(
        pack: 0, segment: 2,
        pieces: [.init(literalByteCount: 3, storage: 1), .init(literalByteCount: 5, storage: nil)]))
  }

  private func text(_ table: Table) throws -> [UInt8] {
    var text: [UInt8] = []
    try table.write { text += $0 }
    return text
  }

  private func stored(_ text: [UInt8]) throws -> Digest {
    let blobs = records.store.blobs
    return try blobs.store(text, blobs.newPins())
  }

  @Test func aTableIsReadAsItWasWritten() throws {
    let table = Self.everything()
    let blobs = records.store.blobs
    let (blob, byteCount) = try table.store(in: blobs, blobs.newPins())
    #expect(try records.table(blob) == table)
    #expect(try text(table).count == byteCount)
  }

  /// Equal tables have equal bytes, whoever writes them: sorted keys, no white space, and only what must be escaped is.
  @Test func theTextIsWhatPythonWritesWithSortedKeys() throws {
    let text = try text(Self.everything())
    let path = try fixture.scratch.write("table.json", text)
    let script = """
      import json, sys
      text = open(sys.argv[1], "rb").read().decode()
      again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
      sys.exit(0 if again == text else again)
      """
    let command = try Python.run(script, [path])
    #expect(command.status == 0, "\(command.errorText) \(String(decoding: text, as: UTF8.self))")
  }

  @Test func membersMayComeInAnyOrderWithSpacesAndWithMoreThanIsKnown() throws {
    let text = String(decoding: try text(Self.everything()), as: UTF8.self)
    let object = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let more: [String: Any] = ["later": ["a": [1, 2.5e3, NSNull(), true, "\u{E9}"]]]
    for options: JSONSerialization.WritingOptions in [[], [.prettyPrinted]] {
      let data = try JSONSerialization.data(withJSONObject: object.merging(more) { $1 }, options: options)
      #expect(try records.table(try stored(Array(data))) == Self.everything())
    }
  }

  @Test func ofMembersWithOneNameTheLastCounts() throws {
    let text = String(decoding: try text(Self.everything()), as: UTF8.self)
    let twice = "{\"storages\":[]," + text.dropFirst()
    #expect(try records.table(try stored(Array(twice.utf8))) == Self.everything())
  }

  @Test func whatIsCutOffAnywhereIsDamageAndNoTrap() throws {
    let text = try text(Self.everything())
    for end in stride(from: 0, to: text.count, by: 13) {
      let error = #expect(throws: StoreError.self) { try records.table(try stored(Array(text[..<end]))) }
      #expect(error?.code == .damaged)
    }
  }

  @Test(arguments: [
    ("{\"", "[\""), ("\"packs\":[", "\"packs\":{"), ("\"byteCount\":8", "\"byteCount\":-8"),
    ("\"byteCount\":8", "\"byteCount\":99999999999999999999"), ("\"byteCount\":8", "\"byteCount\":8.0"),
    ("\"byteCount\":8", "\"byteCount\":\"8\""), ("\"byteCount\":8", "\"bytes\":8"),
    ("\"crc32\":4294967295", "\"crc32\":4294967296"),
    ("\"crc32\":0", "\"crc32\":-1"), ("uint8", "uint9"), ("\"dict\"", "\"list\""), ("true", "tru"),
    ("plain", "pl\u{1}ain"),
    ("\"plain\"", "\"\\ud800\""), ("\"plain\"", "\"\\x\""), ("\"stitch\":{", "\"stitch\":{,"), ("]}", "]]"),
    ("\"partialDigests\":{\"1", "\"partialDigests\":{\"x"),
  ]) func whatDoesNotFitIsDamage(_ found: String, _ replacement: String) throws {
    let text = String(decoding: try text(Self.everything()), as: UTF8.self)
    let range = try #require(text.range(of: found))
    let bytes = Array(text.replacingCharacters(in: range, with: replacement).utf8)
    let error = #expect(throws: StoreError.self) { try records.table(try stored(bytes)) }
    #expect(error?.code == .damaged, "\(error?.message ?? "")")
  }

  @Test func deepNestingIsDamage() throws {
    let deep = "{\"x\":" + String(repeating: "[", count: 100_000)
    let error = #expect(throws: StoreError.self) { try records.table(try stored(Array(deep.utf8))) }
    #expect(error?.code == .damaged)
  }

  /// What earlier versions of this software wrote is written the same way today.
  @Test func theTablesOfTheShippedStoreAreWrittenAsTheyAre() throws {
    let store = try RecordStore(
      path: Python.packageRoot + "/Model", access: .reading,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    var count = 0
    for model in store.models {
      for version in try store.versions(of: model) {
        for digest in try store.manifest(of: model, version).tables.map(\.table) {
          let bytes = try store.store.blobs.contents(of: digest, limit: 1 << 30)
          #expect(try text(try store.table(digest)) == bytes)
          count += 1
        }
      }
    }
    #expect(count > 0)
  }
}
