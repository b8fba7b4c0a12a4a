package import PosixIO
import Synchronization
import SystemPackage
package import Tensors

/// Immutable bytes named by what is in them: `<root>/<2 hexadecimal digits>/<62>`. The one door to them: where and how they are
/// kept is known behind it only.
package final class BlobStore: Sendable {
  let root: Folder
  /// Where files are made before they become blobs: the same file system as the blobs. Nil if nothing is to be made.
  package let staging: Folder?
  let pins = BlobPinTable()
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
    self.root = root
    self.staging = staging
  }

  private func name(of blob: Digest) -> (folder: String, file: String) {
    let text = blob.hexadecimal
    return (String(text.prefix(2)), String(text.dropFirst(2)))
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
  private func openKept(_ id: Digest) throws(BlobStoreError) -> Blob {
    let name = name(of: id)
    do throws(PosixError) {
      return Blob(id: id, try LocalBytes(try root.folder(name.folder).file(name.file), name: Blob.name(of: id)))
    } catch {
      throw error.errno == .noSuchFileOrDirectory ? .missing(id) : .system(error)
    }
  }

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
    let name = name(of: blob)
    do throws(PosixError) {
      guard try root.status(of: name.folder) != nil else { return false }
      return try root.folder(name.folder).status(of: name.file)?.kind == .regular
    } catch {
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

  /// Bytes of all blobs, as they are presented by `stat`: walks the folders.
  package func storedByteCount() throws(BlobStoreError) -> Int {
    do throws(PosixError) {
      var total = 0
      for prefix in try root.names() where prefix.utf8.count == 2 {
        let folder = try root.folder(prefix)
        for name in try folder.names() { total += try folder.status(of: name)?.size ?? 0 }
      }
      return total
    } catch {
      throw .system(error)
    }
  }

  // MARK: Writing

  /// What is to stay although no record names it yet.
  package func newPins() -> BlobPins { BlobPins(pins) }

  /// Tells that a record names blobs from now on, so that a sweep that is under way leaves them. Call it before the record is
  /// written.
  package func noteNamed(_ blobs: some Sequence<Digest>) { pins.note(blobs) }

  /// Begins a removal of blobs that nothing names.
  package func beginSweep() -> Sweep { Sweep(self) }

  /// Calls `observer`, from any thread, with every blob of which damaged bytes gave way to intact ones.
  package func observeMending(_ observer: @escaping @Sendable (Digest) -> Void) {
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

  private var stagingForWriting: Folder {
    get throws(BlobStoreError) {
      guard let staging else { throw .system(PosixError(.readOnlyFileSystem, call: "openat", path: root.path)) }
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
    let name = name(of: blob)
    guard try keeps(blob) else {
      let bytes = try openAnew(blob)
      let copy = try system(try staging.makeFile(staged, exclusively: true))
      try bytes.copy(0..<bytes.byteCount, to: copy, at: 0) { _ in true }
      return try system(try staging.file(staged))
    }
    do throws(PosixError) {
      let folder = try root.folder(name.folder)
      let file = try folder.file(name.file)
      if file.isImmutable {
        try file.copy(to: try staging.makeFile(staged, exclusively: true)) { (_: Int) throws(PosixError) in }
      } else {
        try folder.link(name.file, as: staged, in: staging)
      }
      return try staging.file(staged)
    } catch {
      throw error.errno == .noSuchFileOrDirectory ? .missing(blob) : .system(error)
    }
  }

  /// Makes a staged file a blob: forced to disk, made read-only, renamed, its folder forced to disk. Replaces a
  /// damaged one.
  ///
  /// - Parameter staysStaged: whether the file keeps its name in the staging folder, as a second name of the blob.
  func adopt(
    _ file: OpenedFile, in staging: Folder, stagedAs staged: String, staysStaged: Bool, as blob: Digest
  ) throws(PosixError) {
    let name = name(of: blob)
    let folder = try root.makeFolder(name.folder)
    let isMending = try folder.status(of: name.file) != nil
    try file.makeReadOnly()
    try file.synchronize()
    var moved = staged
    if staysStaged {
      moved = Ingest.newName()
      try staging.link(staged, as: moved, in: staging)
    }
    if isMending { try thaw(name.file, in: folder) }
    try staging.rename(moved, to: name.file, in: folder)
    try folder.synchronize()
    guard isMending else { return }
    forget(blob)
    for observer in observers.withLock({ $0 }) { observer(blob) }
  }

  /// An immutable file cannot be replaced.
  private func thaw(_ name: String, in folder: Folder) throws(PosixError) {
    let file = try folder.file(name)
    if file.isImmutable { try file.setImmutable(false) }
  }

  /// Lets the next open of a blob look for its file.
  func forget(_ blob: Digest) { opened.withLock { $0[blob] = nil } }

  /// Takes back that `file` is a blob: its bytes have changed since they were hashed, and nothing names it yet.
  func withdraw(_ blob: Digest, _ file: OpenedFile) throws(PosixError) {
    let name = name(of: blob)
    if file.isImmutable { try file.setImmutable(false) }
    try root.folder(name.folder).removeFile(name.file)
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
    guard let staging else { throw PosixError(.readOnlyFileSystem, call: "unlinkat", path: root.path) }
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
