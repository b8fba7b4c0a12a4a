import BlobStore
import Glibc
import PosixIO
import StoreRecords
import SystemPackage
import Tensors

/// Blobs that are not here as a whole yet: `.staging/pulls/<SHA-256>`. It is a folder, so that the start of a mount leaves it, and a
/// pull goes on where another one was cut off. One pull at a time has it.
struct PartialFiles: Sendable {
  /// What an unfinished pull left goes after a week.
  private static let patience: Int64 = 7 * 86_400 * 1_000_000_000
  private static let lockName = "lock"

  private let staging: Folder
  private let folder: Folder
  private let lock: FileLock

  /// Waits until no other pull is at work.
  ///
  /// - Throws: `interrupted`.
  init(in store: StoreFolder, unless interruption: Interruption) throws(StoreError) {
    staging = try store.stagingForWriting
    folder = try posix(try staging.makeFolder("pulls"))
    while true {
      if let lock = try posix(try FileLock.acquire(Self.lockName, in: folder, description: "pid \(getpid())\n")) {
        self.lock = lock
        break
      }
      try posix(try interruption.check("flock", folder.path))
      usleep(50_000)
    }
    try removeOld()
  }

  private func removeOld() throws(StoreError) {
    for name in try posix(try folder.names()) where name != Self.lockName {
      guard let status = try posix(try folder.status(of: name)), status.kind == .regular else { continue }
      if Timestamp.age(of: status.modified, at: Timestamp.now()) > Self.patience {
        try posix(try folder.removeFile(name))
      }
    }
  }

  /// Bytes that can still be written to the disk.
  func available() throws(StoreError) -> Int { try posix(try folder.volume()).available }

  /// The file of a blob, open for reading and writing: what another pull has left of it, or an empty one.
  func open(_ blob: RemoteBlob) throws(StoreError) -> OpenedFile {
    let name = blob.digest.hexadecimal
    if let status = try posix(try folder.status(of: name)), status.kind != .regular || status.size > blob.byteCount {
      try posix(try folder.removeFile(name))
    }
    return try posix(try folder.makeFile(name, exclusively: false))
  }

  /// Forgets a file that turned out to be another one.
  func remove(_ blob: RemoteBlob) throws(StoreError) { try posix(try folder.removeFile(blob.digest.hexadecimal)) }

  /// Makes a complete and checked file a blob of the store, without a copy.
  func adopt(
    _ blob: RemoteBlob, _ file: OpenedFile, as table: SegmentTable, in blobs: BlobStore, _ pins: BlobPins
  ) throws(StoreError) {
    let name = "pulled.\(blob.digest)"
    try posix(try folder.rename(blob.digest.hexadecimal, to: name, in: staging))
    do throws(BlobStoreError) {
      let ingest = try blobs.beginIngest(takingOver: name, file, isShared: false)
      _ = try ingest.commit(table, pins)
    } catch {
      throw StoreError(error)
    }
    _ = try posix(try blobs.removeStaged(name))
  }
}
