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
    do throws(PosixError) {
      try staging.removeFile(name)
    } catch {
      // It is swept when the store is next opened for writing.
    }
  }

  /// Bytes appended so far.
  package var byteCount: Int { end }

  /// Appends bytes.
  package mutating func append(_ bytes: [UInt8]) throws(BlobStoreError) {
    var failure: PosixError?
    bytes.withUnsafeBytes { buffer in
      do throws(PosixError) { try file.write(buffer, at: end) } catch { failure = error }
    }
    if let failure { throw .system(failure) }
    end += bytes.count
  }

  /// Appends a stretch of another file.
  package mutating func append(
    _ range: Range<Int>, of source: OpenedFile, progress: RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) {
    do throws(PosixError) {
      try source.copyRange(at: range.lowerBound, count: range.count, to: file, at: end) {
        (bytes: Int) throws(PosixError) in
        guard progress(bytes) else { throw PosixError(.interrupted, call: "copy", path: source.path) }
      }
    } catch {
      throw .system(error)
    }
    end += range.count
  }

  /// Hashes the staged file cut at `storages`, which must not overlap.
  ///
  /// - Returns: the segment table, and the checksum of each storage in the order given.
  package borrowing func hash(
    storages: [Range<Int>], progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> (table: SegmentTable, checksums: [StorageChecksum]) {
    do throws(PosixError) {
      return try scan(file, RangeScanner(file, after: witness, progress: progress), storages)
    } catch {
      throw .system(error)
    }
  }

  /// Makes the staged file, still empty, a copy of `source`, and hashes it as ``hash(storages:progress:)`` does: by reflink
  /// where the file system can, else in the same pass.
  ///
  /// What was copied need not be what `source` held when somebody parsed it: parse the staged file too.
  package borrowing func copyAndHash(
    _ source: OpenedFile, storages: [Range<Int>], progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(BlobStoreError) -> (table: SegmentTable, checksums: [StorageChecksum]) {
    if source.reflink(to: file) { return try hash(storages: storages, progress: progress) }
    do throws(PosixError) {
      return try scan(source, RangeScanner(copying: source, to: file, progress: progress), storages)
    } catch {
      throw .system(error)
    }
  }

  private borrowing func scan(
    _ measured: OpenedFile, _ scanner: RangeScanner, _ storages: [Range<Int>]
  ) throws(PosixError) -> (table: SegmentTable, checksums: [StorageChecksum]) {
    guard let pieces = SegmentTable.cut(byteCount: try measured.status().size, at: storages) else {
      throw PosixError(.invalidArgument, call: "hash: storages overlap", path: measured.path)
    }
    let checksums = try scanner.checksums(of: pieces)
    let byRange = Dictionary(zip(pieces, checksums), uniquingKeysWith: { first, _ in first })
    let empty = StorageHasher().finalize()
    return (
      SegmentTable(
        zip(pieces, checksums).map { piece, checksum in
          SegmentTable.Segment(offset: piece.lowerBound, byteCount: piece.count, digest: checksum.digest)
        }),
      storages.map { byRange[$0] ?? empty }
    )
  }

  /// Publishes the staged file as the blob of `table`, durably; if that blob exists already, the staged file goes.
  package consuming func commit(_ table: SegmentTable) throws(BlobStoreError) -> Digest {
    let blob = table.blob
    try commit(as: blob)
    return blob
  }

  /// Publishes the staged file under an id that somebody else has computed.
  consuming func commit(as blob: Digest) throws(BlobStoreError) {
    do throws(PosixError) {
      let isNew = try store.adopt(file, in: staging, stagedAs: name, staysStaged: witness != nil, as: blob)
      do throws(PosixError) {
        try witness?.freeze()
      } catch {
        if isNew { try store.withdraw(blob, file) }
        throw error
      }
    } catch {
      throw .system(error)
    }
    isCommitted = true
  }
}
