package import PosixIO
import SystemPackage
package import Tensors

/// A blob in the making: a private file in the staging folder. Dropping it without `commit` removes the file.
package struct Ingest: ~Copyable {
  private let store: BlobStore
  private let staging: Folder
  private let name: String
  /// The staged file: open for reading and writing, known to nobody else.
  package let file: OpenedFile
  private var end = 0
  private var isCommitted = false
  /// What a file was like when it was taken over; its name in the staging folder is somebody else's, and stays. Nil for a
  /// file that was made here.
  package let witness: FileWitness?

  /// A name in the staging folder that nobody has.
  static func newName() -> String { "ingest." + String(UInt64.random(in: .min ... .max), radix: 16) }

  /// Takes over a file that is in the staging folder already; its name stays there.
  init(
    store: BlobStore, staging: Folder, takingOver name: String, _ file: OpenedFile, isShared: Bool
  ) throws(PosixError) {
    self.store = store
    self.staging = staging
    self.name = name
    self.file = file
    witness = try FileWitness(file, isShared: isShared)
  }

  init(store: BlobStore, staging: Folder) throws(PosixError) {
    self.store = store
    self.staging = staging
    name = Self.newName()
    witness = nil
    file = try staging.makeFile(name, exclusively: true)
  }

  deinit {
    guard !isCommitted, witness == nil else { return }
    do throws(PosixError) { try staging.removeFile(name) } catch {
      // It is swept when the store is next opened for writing.
    }
  }

  /// Bytes appended so far.
  package var byteCount: Int { end }

  /// Appends bytes.
  package mutating func append(_ bytes: [UInt8]) throws(BlobStoreError) {
    try system(try file.write(bytes, at: end))
    end += bytes.count
  }

  /// Appends a stretch of something that is stored.
  package mutating func append(
    _ range: Range<Int>, of source: any StoredBytes, progress: RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) {
    try source.copy(range, to: file, at: end, progress: progress)
    end += range.count
  }

  /// Appends bytes that somebody else puts into the file, in any order.
  ///
  /// - Parameter write: writes all of them, the first at an offset of the file.
  package mutating func append<Failure: Error>(
    _ byteCount: Int, _ write: (_ file: OpenedFile, _ offset: Int) throws(Failure) -> Void
  ) throws(Failure) {
    try write(file, end)
    end += byteCount
  }

  /// Hashes the staged file cut at `storages`, which must not overlap.
  ///
  /// - Returns: the segment table, and the checksum of each storage in the order given.
  package borrowing func hash(
    storages: [Range<Int>], progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> (table: SegmentTable, checksums: [StorageChecksum]) {
    try system(
      try RangeScanner(file, after: witness, progress: progress)
        .segments(of: try file.status().size, cutAt: storages, path: file.path))
  }

  /// Makes the staged file, still empty, a copy of `source`, and hashes it as ``hash(storages:progress:)`` does: by reflink
  /// where the file system can, else in the same pass.
  ///
  /// What was copied need not be what `source` held when somebody parsed it: parse the staged file too.
  package borrowing func copyAndHash(
    _ source: any StoredBytes, storages: [Range<Int>], progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> (table: SegmentTable, checksums: [StorageChecksum]) {
    if source.localFile?.reflink(to: file) == true { return try hash(storages: storages, progress: progress) }
    return try system(
      try RangeScanner(copying: source, to: file, progress: progress)
        .segments(of: source.byteCount, cutAt: storages, path: file.path))
  }

  /// Forces what is staged to disk, as the commit would, but a stretch at a time: who no longer wants it need not wait for
  /// gigabytes.
  ///
  /// - Parameter progress: asked, with 0 bytes, whether to go on; if not this throws `EINTR`.
  package borrowing func forceToDisk(_ progress: RangeScanner.Progress) throws(BlobStoreError) {
    try system(try file.synchronize(unless: { !progress(0) }))
  }

  /// Makes the staged file the blob of `table`, durably. If that blob is there already, and intact, the staged file goes;
  /// a damaged one gives way to it.
  ///
  /// - Parameters:
  ///   - pins: what keeps the blob until a record names it.
  ///   - progress: told of the bytes of a blob that is there already, which is read.
  package consuming func commit(
    _ table: SegmentTable, _ pins: BlobPins, progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> Digest {
    let blob = table.blob
    pins.pin([blob])
    let isThere = try store.isIntact(table, progress: progress)
    do throws(PosixError) {
      if isThere {
        if witness == nil { try staging.removeFile(name) }
        try witness?.freeze()
      } else {
        try store.adopt(file, in: staging, stagedAs: name, staysStaged: witness != nil, as: blob)
        do throws(PosixError) {
          try witness?.freeze()
        } catch {
          try store.withdraw(blob, file)
          throw error
        }
      }
    } catch {
      throw .system(error)
    }
    isCommitted = true
    return blob
  }
}
