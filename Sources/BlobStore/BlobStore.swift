package import PosixIO
import Synchronization
import SystemPackage
package import Tensors

/// Immutable bytes named by what is in them. The one door to them: where and how they are kept is known behind it only.
package final class BlobStore: Sendable {
  let files: BlobFiles
  /// Where files are made before they become blobs: the same file system as the blobs. Nil if nothing is to be made.
  package let staging: Folder?
  let pins = BlobPinTable()
  /// Blobs that a look has found to be hardly smaller, or damaged: nobody need look again unless they are asked to.
  let unfit = Mutex<Set<Digest>>([])
  private let opened = Mutex<[Digest: WeakBlob]>([:])
  private let sources = Mutex<[any BlobSource]>([])
  private let observers = Mutex<[@Sendable (Digest) -> Void]>([])

  private struct WeakBlob: Sendable {
    weak var blob: Blob?
  }

  /// - Parameters:
  ///   - root: the folder of the blobs (`weights/sha256`).
  ///   - staging: a folder on the same file system.
  package init(root: Folder, staging: Folder?) {
    files = BlobFiles(root: root)
    self.staging = staging
  }

  // MARK: Reading

  /// Opens a blob for reading; those who have the same one open share it.
  package func open(_ id: Digest) throws(BlobStoreError) -> Blob {
    if let blob = opened.withLock({ $0[id]?.blob }) { return blob }
    let blob = try openAnew(id)
    opened.withLock { blobs in
      if blobs.count > 256 { blobs = blobs.filter { $0.value.blob != nil } }
      blobs[id] = WeakBlob(blob: blob)
    }
    return blob
  }

  /// Opens what has the blob's bytes now: what others have open may have been removed.
  private func openAnew(_ id: Digest) throws(BlobStoreError) -> Blob {
    do throws(BlobStoreError) { return try openKept(id) } catch .missing {
      for source in sources.withLock({ $0 }) {
        if let bytes = try source.bytes(of: id) { return Blob(id: id, bytes) }
      }
      throw .missing(id)
    }
  }

  /// Opens a blob that this store has on its disk.
  func openKept(_ id: Digest) throws(BlobStoreError) -> Blob { Blob(id: id, try files.open(id)) }

  /// Lets the store ask a source, too, for blobs that it does not have itself.
  package func use(_ source: any BlobSource) { sources.withLock { $0.append(source) } }

  /// Whether the blob is there: on the store's disk, or with one of its sources.
  package func contains(_ blob: Digest) throws(BlobStoreError) -> Bool {
    if try keeps(blob) { return true }
    for source in sources.withLock({ $0 }) where try source.contains(blob) { return true }
    return false
  }

  /// Whether the blob is on the store's disk.
  package func keeps(_ blob: Digest) throws(BlobStoreError) -> Bool {
    do throws(PosixError) { return try files.keeps(blob) } catch {
      throw error.errno == .noSuchFileOrDirectory ? .missing(blob) : .system(error)
    }
  }

  /// The bytes of a small blob of one segment, checked against its id.
  ///
  /// - Throws: `damaged` if they do not match or are more than `limit`.
  package func contents(of id: Digest, limit: Int) throws(BlobStoreError) -> [UInt8] {
    let blob = try open(id)
    let bytes = try blob.contents(limit: limit)
    guard SegmentTable(whole: bytes).blob == id else { throw .damaged(blob.name, "its bytes have another digest") }
    return bytes
  }

  /// A blob of one segment, to be read a chunk at a time.
  ///
  /// - Throws: `damaged` if it has more than `limit` bytes.
  package func reader(of id: Digest, limit: Int) throws(BlobStoreError) -> CheckedReader {
    try CheckedReader(try open(id), limit: limit)
  }

  /// Whether the blob with these segments is on the store's disk, and all of its bytes are what they were: reads all of them.
  ///
  /// - Parameter progress: bytes read; answers whether to go on.
  package func isIntact(
    _ table: SegmentTable, progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> Bool {
    try damagedSegments(Array(table.segments.indices), of: table, progress: progress)?.isEmpty == true
  }

  /// Which of some of a blob's segments are not what they were: reads them.
  ///
  /// - Parameters:
  ///   - indices: of segments in the blob's table.
  ///   - progress: bytes read; answers whether to go on.
  /// - Returns: nil if the blob is not on the store's disk, has another size or cannot be read.
  /// - Throws: `system(EINTR)` if `progress` asked to stop.
  package func damagedSegments(
    _ indices: [Int], of table: SegmentTable, progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> [Int]? {
    let blob: Blob
    do throws(BlobStoreError) { blob = try openKept(table.blob) } catch .missing { return nil }
    guard blob.byteCount == table.byteCount else { return nil }
    do throws(PosixError) {
      let scanner = RangeScanner(blob, progress: progress)
      return try scanner.damagedSegments(of: indices.map { table.segments[$0] }).map { indices[$0] }
    } catch {
      if error.errno == .interrupted { throw .system(error) }
      return nil
    }
  }

  /// What all blobs on the store's disk take: walks the folders.
  package func usage() throws(BlobStoreError) -> BlobUsage { try files.usage() }

  // MARK: Writing

  /// What is to stay although no record names it yet.
  package func newPins() -> BlobPins { BlobPins(pins) }

  /// Tells that a record names blobs from now on, so that a sweep that is under way leaves them. Call it before the record is
  /// written.
  package func noteNamed(_ blobs: some Sequence<Digest>) { pins.note(blobs) }

  /// Blobs that are compressed as differences from others, and from which.
  package var differences: [Digest: Set<Digest>] {
    get throws(BlobStoreError) {
      try files.readDifferences()
      return files.differences.all
    }
  }

  /// Begins a removal of blobs that nothing names.
  package func beginSweep() -> Sweep { Sweep(self) }

  /// Calls `observer`, from any thread, with every blob whose bytes are in another file from now on: damaged ones gave way to intact
  /// ones, or it was compressed or taken back.
  package func observeMoves(_ observer: @escaping @Sendable (Digest) -> Void) {
    observers.withLock { $0.append(observer) }
  }

  /// Stores a small blob of one segment; durable on return.
  package func store(_ bytes: [UInt8], _ pins: BlobPins) throws(BlobStoreError) -> Digest {
    var ingest = try beginIngest()
    try ingest.append(bytes)
    return try ingest.commit(SegmentTable(whole: bytes), pins)
  }

  /// Stores a blob of one segment that `write` makes piece by piece; durable on return.
  package func store(
    _ pins: BlobPins,
    _ write: (_ append: (_ bytes: [UInt8]) throws(BlobStoreError) -> Void) throws(BlobStoreError) -> Void
  ) throws(BlobStoreError) -> Digest {
    var ingest = try beginIngest()
    try write { (bytes) throws(BlobStoreError) in try ingest.append(bytes) }
    let table = try ingest.hash(storages: []).table
    return try ingest.commit(table, pins)
  }

  var stagingForWriting: Folder {
    get throws(BlobStoreError) {
      guard let staging else { throw .system(PosixError(.readOnlyFileSystem, call: "openat", path: files.root.path)) }
      return staging
    }
  }

  /// Starts a new blob.
  package func beginIngest() throws(BlobStoreError) -> Ingest {
    let staging = try stagingForWriting
    return try system(try Ingest(store: self, staging: staging))
  }

  /// Makes a file that is in the staging folder a blob in the making, without a copy.
  ///
  /// - Parameters:
  ///   - name: its name in the staging folder. It stays there, whatever becomes of the ingest: a record may name it.
  ///   - file: the file itself, open.
  ///   - isShared: whether others may have it open for writing. It is made immutable when it becomes a blob; whoever knows
  ///     when they have gone takes that back.
  package func beginIngest(
    takingOver name: String, _ file: OpenedFile, isShared: Bool
  ) throws(BlobStoreError) -> Ingest {
    let staging = try stagingForWriting
    return try system(try Ingest(store: self, staging: staging, takingOver: name, file, isShared: isShared))
  }

  /// Gives a blob a second name in the staging folder, or a copy there while it is frozen or no file of its own, from where it can be
  /// ingested once more, cut otherwise.
  package func stage(_ blob: Digest, as staged: String) throws(BlobStoreError) -> OpenedFile {
    let staging = try stagingForWriting
    do throws(PosixError) {
      if let file = try files.plainFile(of: blob) {
        if file.isImmutable {
          try file.copy(to: try staging.makeFile(staged, exclusively: true)) { (_: Int) throws(PosixError) in }
        } else {
          let name = BlobFiles.name(of: blob)
          try files.root.folder(name.folder).link(name.plain, as: staged, in: staging)
        }
        return try staging.file(staged)
      }
    } catch  where error.errno == .noSuchFileOrDirectory {
      // It was compressed a moment ago.
    } catch {
      throw .system(error)
    }
    let bytes = try openAnew(blob)
    let copy = try system(try staging.makeFile(staged, exclusively: true))
    try bytes.copy(0..<bytes.byteCount, to: copy, at: 0) { _ in true }
    return try system(try staging.file(staged))
  }

  /// Makes a staged file a blob: forced to disk, made read-only, renamed, its folder forced to disk. Replaces a
  /// damaged or compressed one.
  ///
  /// - Parameter staysStaged: whether the file keeps its name in the staging folder, as a second name of the blob.
  func adopt(
    _ file: OpenedFile, in staging: Folder, stagedAs staged: String, staysStaged: Bool, as blob: Digest
  ) throws(PosixError) {
    try file.makeReadOnly()
    try file.synchronize()
    var moved = staged
    if staysStaged {
      moved = Ingest.newName()
      try staging.link(staged, as: moved, in: staging)
    }
    if try files.place(moved, from: staging, as: blob) { noteMove(of: blob) }
  }

  /// Lets everybody know that a blob's bytes are in another file, and so are those that differences from it are read with.
  func noteMove(of blob: Digest) {
    for blob in [blob] + files.differences.differences(from: blob) {
      forget(blob)
      unfit.withLock { _ = $0.remove(blob) }
      for observer in observers.withLock({ $0 }) { observer(blob) }
    }
  }

  /// Lets the next open of a blob look for its file.
  func forget(_ blob: Digest) { opened.withLock { $0[blob] = nil } }

  /// Takes back that `file` is a blob: its bytes have changed since they were hashed, and nothing names it yet.
  func withdraw(_ blob: Digest, _ file: OpenedFile) throws(PosixError) {
    if file.isImmutable { try file.setImmutable(false) }
    try files.withdraw(blob)
    forget(blob)
  }

  /// Takes a copy of a blob over from another store, durably, unless it is here and intact.
  ///
  /// - Parameters:
  ///   - table: the blob's segments.
  ///   - progress: bytes read; answers whether to go on.
  /// - Throws: `damaged` if the other store's bytes are not those that the segments tell of.
  package func adopt(
    _ table: SegmentTable, from other: BlobStore, _ pins: BlobPins, progress: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) {
    pins.pin([table.blob])
    if try isIntact(table, progress: progress) { return }
    let source = try other.open(table.blob)
    let ingest = try beginIngest()
    let copied = try ingest.copyAndHash(source, storages: table.segments.map(\.range), progress: progress).table
    guard copied == table else {
      let range = zip(copied.segments, table.segments).first { $0 != $1 }?.1.range ?? 0..<table.byteCount
      throw .damaged(source.name, "bytes \(range.lowerBound)..<\(range.upperBound) are not what they were")
    }
    _ = try ingest.commit(table, pins)
  }

  // MARK: Staging

  /// Removes a name in the staging folder; nothing there is no error.
  ///
  /// - Returns: false, and the name stays, if the file is frozen and somebody still has it open for writing.
  package func removeStaged(_ staged: String) throws(PosixError) -> Bool {
    guard let staging else { throw PosixError(.readOnlyFileSystem, call: "unlinkat", path: files.root.path) }
    guard let status = try staging.status(of: staged) else { return true }
    do throws(PosixError) {
      if status.kind == .regular {
        let file = try staging.file(staged)
        if file.isImmutable {
          if file.hasWriters { return false }
          try file.setImmutable(false)
        }
      }
    } catch  where error.errno == .noSuchFileOrDirectory {
      // Somebody else has removed it a moment ago.
      return true
    }
    try staging.removeFile(staged)
    return true
  }

  /// Whether files can be kept from being written to by whoever has them open: asks the file system, and the kernel, by trying.
  package func canFreeze() throws(PosixError) -> Bool {
    guard let staging else { return false }
    let name = Ingest.newName()
    let file = try staging.makeFile(name, exclusively: true)
    var isPossible = true
    do throws(PosixError) {
      try file.setImmutable(true)
      try file.setImmutable(false)
    } catch {
      isPossible = false
    }
    try staging.removeFile(name)
    return isPossible
  }
}
