import BlobStore
import PosixIO
import Tensors
import TestSupport

/// Blobs in a temporary folder.
struct BlobFixture {
  let scratch: TemporaryFolder
  let store: BlobStore

  init() throws {
    scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    store = BlobStore(root: try folder.makeFolder("blobs"), staging: try folder.makeFolder("staging"))
  }

  /// The store as the next process finds it.
  func reopened() throws -> BlobStore {
    let folder = try Folder.open(scratch.path)
    return BlobStore(root: try folder.folder("blobs"), staging: try folder.folder("staging"))
  }

  func path(of blob: Digest) -> String {
    scratch("blobs/\(blob.hexadecimal.prefix(2))/\(blob.hexadecimal.dropFirst(2))")
  }

  /// A blob of its own for each number.
  func bytes(_ number: Int) -> [UInt8] { Array("weights \(number)".utf8) }

  /// Stores a blob that nothing pins afterwards.
  func add(_ number: Int) throws -> Digest { try store.store(bytes(number), store.newPins()) }

  /// Stores bytes as a blob of two segments, so that its table is needed. Nothing pins it afterwards.
  func addTwoSegments(_ bytes: [UInt8]) throws -> SegmentTable {
    var ingest = try store.beginIngest()
    try ingest.append(bytes)
    let table = try ingest.hash(storages: [bytes.count / 3..<bytes.count]).table
    _ = try ingest.commit(table, store.newPins())
    return table
  }

  /// Overwrites the first byte of a blob where it lies.
  func damage(_ blob: Digest) throws {
    let command = try Command.run(
      "sh", ["-c", "chmod u+w '\(path(of: blob))' && printf X | dd of='\(path(of: blob))' conv=notrunc"])
    guard command.status == 0 else { throw OracleFailure(description: command.errorText) }
  }
}
