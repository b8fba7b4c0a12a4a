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
    /// Bytes of its file before and after, and what it is a difference from now.
    case done(before: Int, after: Int, bases: Set<Digest> = [])
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
  /// Of its size a blob has to save so much more as a difference, or stands for itself.
  private static let leastGain = 0.1

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
  ///   - candidates: what it may be a difference from; the best counts if it saves a tenth more than none. What is a difference itself, or
  ///     damaged, is none of them; and a blob that others are differences from is coded by itself.
  ///   - again: whether a blob that is compressed already, but as a difference from others, is compressed anew.
  ///   - intact: what was found to be intact; one for many blobs.
  ///   - threads: how many code at once.
  ///   - progress: told of bytes, of which there are twice as many as the blob has.
  /// - Throws: `damaged` if the blob is; `system(EINTR)`.
  package func pack(
    _ id: Digest, _ segments: SegmentTable?, from candidates: [Resemblance] = [], again: Bool = false,
    intact: IntactBlobs = IntactBlobs(), threads: Int = ParallelWork.processorCount,
    progress: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) -> Outcome {
    let pins = store.newPins()
    pins.pin([id] + candidates.flatMap(\.bases.keys))
    defer { withExtendedLifetime(pins) {} }
    let source = try store.openKept(id)
    if source.packedByteCount != nil, !again { return .asWanted }
    if source.localFile?.isImmutable == true { return .inUse }
    let limit = Int(Double(source.byteCount) * (1 - Self.leastSaving))
    let (writer, estimate) = try best(for: source, among: candidates, progress) {
      (base, segments) throws(BlobStoreError) in
      try intact.contains(base, segments, in: store, progress: progress)
    }
    if source.packedByteCount != nil, writer.possibleBases.isEmpty == source.bases.isEmpty,
      source.bases.isSubset(of: writer.possibleBases)
    {
      return .asWanted
    }
    // A sample may be wrong by a few points: what it says is hardly smaller may be worth it.
    guard estimate <= limit + source.byteCount / 20 else { return try unfit(source, segments, progress) }
    let table = try table(of: source, segments, id)
    let staged = try StagedFile(try store.stagingForWriting)
    let (size, bases) = try writer.write(to: staged.file, threads: threads, progress: progress)
    guard size <= limit else { return try unfit(source, segments, progress) }
    let packed = try store.files.open(staged: staged.file, of: id)
    guard packed.byteCount == table.byteCount,
      try system(try RangeScanner(packed, progress: progress).damagedSegments(of: table.segments)).isEmpty
    else {
      store.unfit.withLock { _ = $0.insert(id) }
      throw .damaged(source.name, "its bytes are not those that its id names")
    }
    try system(try staged.file.makeReadOnly())
    try system(try staged.file.synchronize(unless: { !progress(0) }))
    switch try store.files.placePacked(staged.name, from: staged.folder, as: id, bases: bases) {
    case .gone: return .asWanted
    case .conflict:
      // Somebody else compresses, too: by itself it can always be.
      return try pack(id, segments, again: again, threads: threads, progress: progress)
    case .placed: break
    }
    store.noteMove(of: id)
    return .done(before: source.packedByteCount ?? source.byteCount, after: size, bases: bases)
  }

  /// What a blob is best a difference from, and the size that the file would have, from a sample.
  private func best(
    for source: Blob, among candidates: [Resemblance], _ progress: RangeScanner.Progress,
    where isIntact: (Digest, SegmentTable?) throws(BlobStoreError) -> Bool
  ) throws(BlobStoreError) -> (writer: PackedWriter, size: Int) {
    let alone = PackedWriter(source)
    let size = try alone.estimate()
    if candidates.isEmpty { return (alone, size) }
    try store.files.readDifferences()
    if store.files.differences.isBase(source.id) { return (alone, size) }
    var found: [(writer: PackedWriter, size: Int, candidate: Resemblance)] = []
    for candidate in candidates {
      guard progress(0) else { throw .system(PosixError(.interrupted, call: "compress", path: source.name)) }
      var bases: [Digest: any StoredBytes] = [:]
      for base in candidate.bases.keys where base != source.id {
        do throws(BlobStoreError) {
          let opened = try store.openKept(base)
          if opened.bases.isEmpty { bases[base] = opened }
        } catch .missing {
        } catch .damaged {}
      }
      if bases.isEmpty { continue }
      let writer = PackedWriter(source, from: candidate, in: bases)
      if !writer.possibleBases.isEmpty { found.append((writer, try writer.estimate(), candidate)) }
    }
    let gain = Int(Double(source.byteCount) * Self.leastGain)
    for choice in found.sorted(by: { $0.size < $1.size }) where choice.size <= size - gain {
      var areIntact = true
      for base in choice.writer.possibleBases where areIntact {
        areIntact = try isIntact(base, choice.candidate.bases[base] ?? nil)
      }
      if areIntact { return (choice.writer, choice.size) }
    }
    return (alone, size)
  }

  /// Leaves a blob as a plain file, or makes it one, as it would hardly be smaller.
  private func unfit(
    _ blob: Blob, _ segments: SegmentTable?, _ progress: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) -> Outcome {
    if blob.packedByteCount != nil { return try thaw(blob.id, segments, progress: progress) }
    store.unfit.withLock { _ = $0.insert(blob.id) }
    return .hardlySmaller
  }

  /// What compressing a blob would come to, from a sample of it.
  package func estimate(
    _ id: Digest, from candidates: [Resemblance] = [], progress: RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> Outcome {
    let blob = try store.openKept(id)
    if blob.packedByteCount != nil { return .asWanted }
    if blob.localFile?.isImmutable == true { return .inUse }
    let (writer, size) = try best(for: blob, among: candidates, progress) { (_, _) in true }
    let limit = Int(Double(blob.byteCount) * (1 - Self.leastSaving))
    return size > limit
      ? .hardlySmaller : .done(before: blob.byteCount, after: size, bases: writer.possibleBases)
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
