import BlobStore
import Glibc
import PosixIO
import StoreRecords
import Synchronization
import Tensors

import struct Crypto.SHA256

/// Fetches blobs of a remote into a store: parts of several at once, each chunk checked as it comes, and all of a blob before it is
/// one.
struct Fetching: Sendable {
  /// A blob that is to come.
  struct Wanted: Sendable {
    /// Its id in the store.
    var id: Digest
    var blob: RemoteBlob
    /// How it is hashed; nil for one segment.
    var table: SegmentTable?
    /// Digests of its chunks; nil if there are none: then only the whole can be checked.
    var chunks: [Digest]?
  }

  /// Bytes of one request, which a registry spends as much on as on sending some 10 MiB: a sixteenth of the blob, within limits.
  private static let partByteCounts = 8 << 20...32 << 20
  /// Requests under way.
  private static let width = 4

  let remote: any RemoteStore
  let blobs: BlobStore
  let pins: BlobPins
  let partials: PartialFiles
  let interruption: Interruption

  /// A blob on its way.
  private struct Arriving: Sendable {
    var wanted: Wanted
    var file: OpenedFile
  }

  private struct Part: Sendable {
    /// Index of the blob.
    var blob: Int
    var range: Range<Int>
  }

  /// Fetches blobs; those of one that was begun before go on where that ended.
  ///
  /// - Parameter progress: told of bytes that have come or were there.
  /// - Returns: bytes that came over the wire.
  /// - Throws: `damaged` if a blob is not what it should be; `system(ENOSPC)` before anything is fetched that would not fit.
  func fetch(_ wanted: [Wanted], progress: @escaping @Sendable (_ bytes: Int) -> Bool) throws(StoreError) -> Int {
    var arriving: [Arriving] = []
    var parts: [Part] = []
    for (index, each) in wanted.enumerated() {
      let file = try partials.open(each.blob)
      arriving.append(Arriving(wanted: each, file: file))
      let missing = try missingParts(of: each, file)
      parts += missing.map { Part(blob: index, range: $0) }
      guard progress(each.blob.byteCount - missing.reduce(0) { $0 + $1.count }) else { throw Self.stopped }
    }
    try requireSpace(parts.reduce(0) { $0 &+ $1.range.count })
    let blobs = arriving
    let left = Mutex(blobs.indices.map { index in parts.count { $0.blob == index } })
    for index in blobs.indices where left.withLock({ $0[index] }) == 0 { try finish(blobs[index]) }
    let counts = try ParallelSteps.map(parts, threads: Self.width) { (part) throws(StoreError) in
      try fetch(part.range, of: blobs[part.blob]) { (count) throws(StoreError) in
        guard progress(count) else { throw Self.stopped }
      }
      let isLast = left.withLock { left in
        left[part.blob] -= 1
        return left[part.blob] == 0
      }
      if isLast { try finish(blobs[part.blob]) }
      return part.range.count
    }
    return counts.reduce(0, +)
  }

  private static let stopped = StoreError(.interrupted, "stopped; run it again to go on where it was")

  private func requireSpace(_ byteCount: Int) throws(StoreError) {
    let available = try partials.available()
    guard byteCount > available else { return }
    throw StoreError(
      .system(errno: ENOSPC),
      "\(remote.name): \(ByteCount(bytes: byteCount)) are to be fetched, and the store's disk has "
        + "\(ByteCount(bytes: available)) left; nothing was fetched (tantra purge gives back what removed versions hold)"
    )
  }

  // MARK: Parts

  /// The parts of a blob that its file does not have yet. What is there counts only if its chunks are what they should be.
  private func missingParts(of wanted: Wanted, _ file: OpenedFile) throws(StoreError) -> [Range<Int>] {
    let byteCount = wanted.blob.byteCount
    let found = min(try posix(try file.status().size), byteCount)
    let chunkByteCount = BlobSums.chunkByteCount
    let limits = Self.partByteCounts
    // Without digests of chunks a part is held until all of it has come.
    let partByteCount =
      wanted.chunks == nil ? limits.lowerBound : min(max(limits.lowerBound, byteCount / 16), limits.upperBound)
    var missing: [Range<Int>] = []
    func add(_ range: Range<Int>) {
      if let last = missing.last, last.upperBound == range.lowerBound,
        range.upperBound - last.lowerBound <= partByteCount
      {
        missing[missing.count - 1] = last.lowerBound..<range.upperBound
      } else if !range.isEmpty {
        missing.append(range)
      }
    }
    var buffer = [UInt8](repeating: 0, count: chunkByteCount)
    for start in stride(from: 0, to: byteCount, by: chunkByteCount) {
      let range = start..<min(start + chunkByteCount, byteCount)
      if let chunks = wanted.chunks, range.upperBound <= found {
        try posix(try interruption.check("read", file.path))
        let digest = try buffer.withMutableBytes { (bytes) throws(StoreError) in
          let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[..<range.count])
          let count = try posix(try file.read(at: start, into: bytes))
          return count == range.count ? Digest(hashing: UnsafeRawBufferPointer(bytes)) : nil
        }
        if digest == chunks[start / chunkByteCount] { continue }
      }
      add(range)
    }
    return missing
  }

  /// Fetches one part and writes it to the blob's file.
  ///
  /// - Parameter progress: told of bytes that have come.
  private func fetch(
    _ range: Range<Int>, of arriving: Arriving, progress: @escaping (_ bytes: Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    let (blob, file) = (arriving.wanted.blob, arriving.file)
    guard let digests = arriving.wanted.chunks else {
      let bytes = try [UInt8](upTo: range.count) { (buffer) throws(StoreError) in
        try remote.read(blob, range, into: buffer, unless: interruption)
        return range.count
      }
      try posix(try file.write(bytes, at: range.lowerBound))
      return try progress(range.count)
    }
    let stream = ChunkStream(remote: remote, blob: blob, digests: digests, interruption: interruption)
    try stream.read(BlobSums.chunks(of: range)) { (chunk) throws(StoreError) in
      try posix(try file.write(chunk.bytes, at: chunk.index * BlobSums.chunkByteCount))
      try progress(chunk.bytes.count)
    }
  }

  // MARK: The whole

  /// Checks a blob of which all parts have come, and hands it to the store.
  private func finish(_ arriving: Arriving) throws(StoreError) {
    let (wanted, file) = (arriving.wanted, arriving.file)
    do throws(StoreError) {
      if wanted.blob.byteCount == 0 { try posix(try file.truncate(to: 0)) }
      let bytes = try posix(try LocalBytes(file))
      guard bytes.byteCount == wanted.blob.byteCount, try LayerContent.stored(bytes).digest() == wanted.blob.digest
      else {
        throw remote.damaged(wanted.blob)
      }
      let table = wanted.table ?? SegmentTable(whole: wanted.blob.byteCount, wanted.blob.digest)
      let scanner = RangeScanner(file, progress: { [interruption] _ in !interruption.isRequested })
      // One segment is all of it, which was checked just now.
      let segments = wanted.table?.segments ?? []
      guard table.blob == wanted.id, table.byteCount == wanted.blob.byteCount,
        try posix(try scanner.damagedSegments(of: segments)).isEmpty
      else {
        throw StoreError(
          .damaged,
          "\(remote.name): the blob \(OCIDigest(wanted.blob.digest)) is not blob \(wanted.id), as the manifest says: it is "
            + "damaged, or was tampered with")
      }
      try partials.adopt(wanted.blob, file, as: table, in: blobs, pins)
    } catch {
      // What is wrong as a whole is of no use for another attempt.
      if case .damaged = error.code { try partials.remove(wanted.blob) }
      throw error
    }
  }
}
