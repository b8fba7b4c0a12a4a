import PosixIO
import SystemPackage
import Tensors

/// A blob that is kept as a compressed file: blocks of 128 KiB are decoded when somebody reads them.
///
/// A block that is read as a whole goes straight to the reader; of one that is read in part the rest is kept for a while.
final class PackedBytes: StoredBytes {
  let name: String
  let index: PackedIndex
  /// Bytes of the file.
  let storedByteCount: Int
  private let file: OpenedFile
  private let cache: BlockCache
  /// What blocks are differences from. A base is never a difference itself.
  private let bases: [Digest: any StoredBytes]

  /// - Parameters:
  ///   - name: what it is, for messages.
  ///   - openBase: opens a blob that blocks are differences from.
  /// - Throws: `damaged` if the index is; what `openBase` throws.
  init(
    _ file: OpenedFile, name: String, cache: BlockCache,
    openBase: (Digest) throws(BlobStoreError) -> any StoredBytes
  ) throws(BlobStoreError) {
    self.file = file
    self.name = name
    self.cache = cache
    storedByteCount = try system(try file.status().size)
    index = try PackedIndex(of: file, named: name)
    var bases: [Digest: any StoredBytes] = [:]
    for base in index.bases { bases[base] = try openBase(base) }
    self.bases = bases
  }

  deinit { cache.forget(ObjectIdentifier(self)) }

  var byteCount: Int { index.byteCount }
  var localFile: OpenedFile? { nil }

  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError) {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else {
      throw .damaged(name, "bytes \(range.lowerBound)..<\(range.upperBound) are wanted, and it has \(byteCount)")
    }
    var position = range.lowerBound
    while position < range.upperBound {
      let block = position / PackedIndex.blockByteCount
      let whole = index.range(ofBlock: block)
      let part = position..<min(whole.upperBound, range.upperBound)
      let target = UnsafeMutableRawBufferPointer(
        rebasing: buffer[part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound])
      if part == whole {
        try decode(block, into: target)
      } else {
        try copy(part, of: block, to: target)
      }
      position = part.upperBound
      if position < range.upperBound { try system(try interruption.check("read", file.path)) }
    }
  }

  /// Copies a part of a block that is kept, or is kept from now on.
  private func copy(
    _ part: Range<Int>, of block: Int, to target: UnsafeMutableRawBufferPointer
  ) throws(BlobStoreError) {
    let whole = index.range(ofBlock: block)
    let bytes: [UInt8]
    if let kept = cache[self, block] {
      bytes = kept
    } else {
      bytes = try [UInt8](upTo: whole.count) { (buffer) throws(BlobStoreError) in
        try decode(block, into: buffer)
        return whole.count
      }
      cache[self, block] = bytes
    }
    let start = part.lowerBound - whole.lowerBound
    bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + part.count])) }
  }

  private func decode(_ block: Int, into target: UnsafeMutableRawBufferPointer) throws(BlobStoreError) {
    let isDecoded: Bool? = try BlockDecoder.withDecoder { (decoder) throws(BlobStoreError) in
      let place = index.coded(block)
      let coded = UnsafeMutableRawBufferPointer(rebasing: decoder.buffer[..<place.count])
      let found: Int
      do throws(PosixError) { found = try file.read(at: place.lowerBound, into: coded) } catch {
        throw error.errno == .ioError ? damage(block, error.description) : .system(error)
      }
      guard found == coded.count else { throw damage(block, "the file is too short") }
      return decoder.decode(
        UnsafeRawBufferPointer(coded), transform: index.transform(block), base: try base(of: block, in: decoder.base),
        into: target)
    }
    switch isDecoded {
    case true: return
    case false: throw damage(block, "its frames do not hold it")
    case nil: throw .system(PosixError(.noMemory, call: "malloc", path: file.path))
    }
  }

  /// The bytes that a block is a difference from, in a buffer; nil if it is none.
  private func base(
    of block: Int, in buffer: UnsafeMutableRawBufferPointer
  ) throws(BlobStoreError) -> UnsafeRawBufferPointer? {
    guard Int(index.transform(block)) & BlockEncoder.difference != 0, let place = index.base(ofBlock: block),
      let base = bases[place.blob]
    else { return nil }
    guard place.range.upperBound <= base.byteCount else {
      throw damage(block, "\(base.name), which it is a difference from, is too short")
    }
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<place.range.count])
    do throws(BlobStoreError) { try base.read(place.range, into: bytes, unless: .never) } catch {
      guard case .damaged(let name, let what) = error else { throw error }
      throw damage(block, "\(name), which it is a difference from: \(what)")
    }
    return UnsafeRawBufferPointer(bytes)
  }

  private func damage(_ block: Int, _ what: String) -> BlobStoreError {
    let range = index.range(ofBlock: block)
    return .damaged(
      name, "block \(block) of its compressed file, bytes \(range.lowerBound)..<\(range.upperBound): \(what)")
  }
}
