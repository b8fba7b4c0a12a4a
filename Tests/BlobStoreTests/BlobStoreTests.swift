import BlobStore
import PosixIO
import SystemPackage
import Tensors
import TestSupport
import Testing

@Suite struct BlobStoreTests {
  let scratch: TemporaryFolder
  let store: BlobStore

  init() throws {
    scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    store = BlobStore(root: try folder.makeFolder("blobs"), staging: try folder.makeFolder("staging"))
  }

  private func path(of blob: Digest) -> String {
    scratch("blobs/\(blob.hexadecimal.prefix(2))/\(blob.hexadecimal.dropFirst(2))")
  }

  @Test func storedBytesReadBackUnderTheirDigest() throws {
    let bytes = Array("config".utf8)
    let blob = try store.store(bytes, store.newPins())
    #expect(try store.contents(of: blob, limit: 100) == bytes)
    #expect(try store.store(bytes, store.newPins()) == blob)
    #expect(try Command.run("ls", [scratch("staging")]).outputText.isEmpty)
  }

  @Test func theIdIsTheDigestOfTheSegmentTable() throws {
    var ingest = try store.beginIngest()
    try ingest.append(Array("headAAAABBBBtail".utf8))
    let (table, checksums) = try ingest.hash(storages: [8..<12, 4..<8])
    let blob = try ingest.commit(table, store.newPins())
    #expect(table.segments.map(\.range) == [0..<4, 4..<8, 8..<12, 12..<16])
    #expect(checksums.map(\.digest) == [Digest(of: "BBBB".utf8), Digest(of: "AAAA".utf8)])
    // The same computation by another hand.
    let script = """
      import hashlib, struct, sys
      data = b"headAAAABBBBtail"
      table = b"".join(struct.pack("<QQ", o, 4) + hashlib.sha256(data[o:o + 4]).digest() for o in range(0, 16, 4))
      print(hashlib.sha256(table).hexdigest())
      """
    #expect(try Command.run("python3", ["-c", script]).outputText == blob.hexadecimal + "\n")
  }

  @Test func storagesThatOverlapAreRefused() throws {
    var ingest = try store.beginIngest()
    try ingest.append([1, 2, 3, 4])
    #expect(throws: BlobStoreError.self) { try ingest.hash(storages: [0..<3, 2..<4]) }
    #expect(SegmentTable.cut(byteCount: 4, at: [2..<5]) == nil)
  }

  @Test func aDroppedIngestLeavesNothing() throws {
    do {
      var ingest = try store.beginIngest()
      try ingest.append([1])
    }
    #expect(try Command.run("find", [scratch.path, "-type", "f"]).outputText.isEmpty)
  }

  @Test func damagedAndMissingBlobsAreTold() throws {
    let blob = try store.store(Array("weights".utf8), store.newPins())
    _ = try Command.run(
      "sh", ["-c", "chmod u+w '\(path(of: blob))' && printf X | dd of='\(path(of: blob))' conv=notrunc"])
    #expect(throws: BlobStoreError.self) { try store.contents(of: blob, limit: 100) }
    let absent = Digest(of: [1, 2, 3])
    #expect(throws: BlobStoreError.missing(absent)) { try store.open(absent) }
    #expect(try !store.contains(absent))
  }

  @Test func aTruncatedBlobIsMendedByStoringItAgain() throws {
    var ingest = try store.beginIngest()
    try ingest.append(Array("weights".utf8))
    let blob = try ingest.commit(try ingest.hash(storages: []).table, store.newPins())
    _ = try Command.run("truncate", ["-s", "3", path(of: blob)])
    var again = try store.beginIngest()
    try again.append(Array("weights".utf8))
    #expect(try again.commit(try again.hash(storages: []).table, store.newPins()) == blob)
    #expect(try Command.run("cat", [path(of: blob)]).outputText == "weights")
  }

  @Test func blobsAreReadOnlyOnDisk() throws {
    let blob = try store.store(Array("weights".utf8), store.newPins())
    #expect(try Command.run("stat", ["-c", "%a", path(of: blob)]).outputText == "444\n")
  }
}
