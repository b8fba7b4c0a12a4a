import PosixIO
import Synchronization
import SystemPackage
package import Tensors

/// Compresses blobs and takes them back, without anybody who reads them noticing.
///
/// Whenever that ends, the plain file or the compressed one is there, whole. What somebody has open stays readable for them.
package struct BlobPacking: Sendable {
  /// What became of a blob.
  package enum Outcome: Sendable, Hashable {
    /// Bytes of its file before and after.
    case done(before: Int, after: Int)
    /// It is so already.
    case asWanted
    /// It would shrink by less than a tenth.
    case hardlySmaller
    /// Somebody still has it open for writing.
    case inUse
  }

  private let store: BlobStore

  package init(_ store: BlobStore) { self.store = store }

  /// Of its size a blob has to save that much, or stays plain.
  private static let leastSaving = 0.1

  /// Whether a blob is a plain file.
  package func isPlain(_ id: Digest) throws(BlobStoreError) -> Bool { try system(try store.files.hasPlainFile(id)) }

  /// Whether a blob is a plain file that nobody has found to be unfit for compression.
  package func isFit(_ id: Digest) throws(BlobStoreError) -> Bool {
    if store.unfit.withLock({ $0.contains(id) }) { return false }
    return try isPlain(id)
  }

  /// Compresses a blob: writes a second file, reads it again, compares all digests, and then lets it take the plain one's place.
  ///
  /// - Parameters:
  ///   - segments: the blob's table; nil if it is one segment, whose digest is taken then.
  ///   - threads: how many code at once.
  ///   - progress: told of bytes, of which there are twice as many as the blob has.
  /// - Throws: `damaged` if the blob is; `system(EINTR)`.
  package func pack(
    _ id: Digest, _ segments: SegmentTable?, threads: Int = ParallelWork.processorCount,
    progress: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) -> Outcome {
    let pins = store.newPins()
    pins.pin([id])
    defer { withExtendedLifetime(pins) {} }
    guard let file = try system(try store.files.plainFile(of: id)) else {
      guard try store.keeps(id) else { throw .missing(id) }
      return .asWanted
    }
    if file.isImmutable { return .inUse }
    let source = try system(try LocalBytes(file, name: Blob.name(of: id)))
    let limit = Int(Double(source.byteCount) * (1 - Self.leastSaving))
    let writer = PackedWriter(source)
    // A sample may be wrong by a few points: what it says is hardly smaller may be worth it.
    guard try writer.estimate() <= limit + source.byteCount / 20 else { return unfit(id) }
    let table = try table(of: source, segments, id)
    let staged = try StagedFile(try store.stagingForWriting)
    let size = try writer.write(to: staged.file, threads: threads, progress: progress)
    guard size <= limit else { return unfit(id) }
    let packed = try store.files.open(staged: staged.file, of: id)
    guard packed.byteCount == table.byteCount,
      try system(try RangeScanner(packed, progress: progress).damagedSegments(of: table.segments)).isEmpty
    else {
      _ = unfit(id)
      throw .damaged(source.name, "its bytes are not those that its id names")
    }
    try system(try staged.file.makeReadOnly())
    try system(try staged.file.synchronize(unless: { !progress(0) }))
    guard try system(try store.files.placePacked(staged.name, from: staged.folder, as: id)) else { return .asWanted }
    store.noteMove(of: id)
    return .done(before: source.byteCount, after: size)
  }

  private func unfit(_ id: Digest) -> Outcome {
    store.unfit.withLock { _ = $0.insert(id) }
    return .hardlySmaller
  }

  /// What compressing a blob would come to, from a sample of it.
  package func estimate(_ id: Digest) throws(BlobStoreError) -> Outcome {
    let blob = try store.openKept(id)
    if blob.packedByteCount != nil { return .asWanted }
    if blob.localFile?.isImmutable == true { return .inUse }
    let size = try PackedWriter(blob).estimate()
    let limit = Int(Double(blob.byteCount) * (1 - Self.leastSaving))
    return size > limit ? .hardlySmaller : .done(before: blob.byteCount, after: size)
  }

  /// Makes a compressed blob a plain file again.
  ///
  /// - Parameters:
  ///   - segments: the blob's table, with which the bytes are compared; nil to rely on the checksums in the file.
  ///   - progress: told of bytes.
  /// - Throws: `damaged` if the compressed file is; `system(EINTR)`.
  package func thaw(
    _ id: Digest, _ segments: SegmentTable?, progress: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) -> Outcome {
    let pins = store.newPins()
    pins.pin([id])
    defer { withExtendedLifetime(pins) {} }
    let packed = try store.openKept(id)
    guard let size = packed.packedByteCount else { return .asWanted }
    let staged = try StagedFile(try store.stagingForWriting)
    if let segments {
      let ranges = segments.segments.map(\.range)
      let sums = try reading(
        packed, try RangeScanner(copying: packed, to: staged.file, progress: progress).checksums(of: ranges))
      guard packed.byteCount == segments.byteCount, SegmentTable(ranges, sums) == segments else {
        throw .damaged(packed.name, "its bytes are not those that its id names")
      }
    } else {
      try packed.copy(0..<packed.byteCount, to: staged.file, at: 0, progress: progress)
    }
    try system(try staged.file.synchronize(unless: { !progress(0) }))
    try system(
      try store.adopt(staged.file, in: staged.folder, stagedAs: staged.name, staysStaged: false, as: id))
    return .done(before: size, after: packed.byteCount)
  }

  /// All blobs that are compressed.
  package func packedBlobs() throws(BlobStoreError) -> [Digest] { try system(try store.files.packedBlobs()) }

  /// Runs a scan of a blob: what cannot be read is damaged.
  private func reading<R>(
    _ bytes: any StoredBytes, _ scan: @autoclosure () throws(PosixError) -> R
  ) throws(BlobStoreError) -> R {
    do throws(PosixError) { return try scan() } catch {
      throw error.errno == .ioError ? .damaged(bytes.name, error.description) : .system(error)
    }
  }

  /// The table that a blob's bytes are compared with.
  private func table(
    of source: any StoredBytes, _ segments: SegmentTable?, _ id: Digest
  ) throws(BlobStoreError) -> SegmentTable {
    if let segments { return segments }
    let sums = try reading(source, try RangeScanner(source).checksums(of: [0..<source.byteCount]))
    let table = SegmentTable(whole: source.byteCount, sums[0].digest)
    guard table.blob == id else { throw .damaged(source.name, "its bytes have another digest") }
    return table
  }
}

/// A file in the staging folder that goes with this object, unless it was moved away.
private final class StagedFile {
  let name = Ingest.newName()
  let folder: Folder
  let file: OpenedFile

  init(_ folder: Folder) throws(BlobStoreError) {
    self.folder = folder
    file = try system(try folder.makeFile(name, exclusively: true))
  }

  deinit {
    do throws(PosixError) { try folder.removeFile(name) } catch {
      // It is swept when the store is next opened for writing.
    }
  }
}
