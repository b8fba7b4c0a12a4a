package import BlobStore
package import Tensors

/// The state dict of a version and where its storages lie. A blob itself (JSON), so that clones share it.
package struct Table: Sendable, Hashable {
  /// A blob with tensors, and how it was hashed.
  package struct Pack: Sendable, Hashable {
    package var blob: Digest
    package var segments: SegmentTable
    package init(blob: Digest, segments: SegmentTable) {
      self.blob = blob
      self.segments = segments
    }
  }

  /// Where a storage's bytes lie; nil for an empty storage.
  package struct Storage: Sendable, Hashable {
    /// Index into ``Table/packs``.
    package var pack: Int?
    /// Index into the pack's segments.
    package var segment: Int?
    package var crc32: UInt32
    package var descriptorWord: UInt32?
    package init(pack: Int?, segment: Int?, crc32: UInt32, descriptorWord: UInt32?) {
      self.pack = pack
      self.segment = segment
      self.crc32 = crc32
      self.descriptorWord = descriptorWord
    }
  }

  package var stateDict: StateDict
  package var packs: [Pack]
  /// Parallel to `stateDict.storageSizes`.
  package var storages: [Storage]
  /// SHA-256 of the tensors that fill only a part of their storage, by index.
  package var partialDigests: [Int: Digest]
  /// How the file is put together; nil if it is the first pack.
  package var stitch: Stitch?

  package init(
    stateDict: StateDict, packs: [Pack], storages: [Storage], partialDigests: [Int: Digest], stitch: Stitch? = nil
  ) {
    self.stateDict = stateDict
    self.packs = packs
    self.storages = storages
    self.partialDigests = partialDigests
    self.stitch = stitch
  }

  /// Bytes that the packs of a table may have together: far more than a disk holds, and few enough to add and to multiply.
  private static let byteLimit = 1 << 50

  /// SHA-256 of no bytes.
  package static let emptyDigest = Digest(of: [])

  /// Where a storage lies: its pack and byte range there; nil if it is empty.
  package func location(ofStorage index: Int) -> (pack: Int, range: Range<Int>)? {
    guard let pack = storages[index].pack, let segment = storages[index].segment else { return nil }
    return (pack, packs[pack].segments.segments[segment].range)
  }

  /// SHA-256 of a storage's bytes.
  package func digest(ofStorage index: Int) -> Digest {
    guard let pack = storages[index].pack, let segment = storages[index].segment else { return Self.emptyDigest }
    return packs[pack].segments.segments[segment].digest
  }

  /// SHA-256 of a tensor's bytes.
  package func digest(ofTensor index: Int) -> Digest {
    partialDigests[index] ?? digest(ofStorage: stateDict.tensors[index].storage)
  }

  /// What layouts need to know of the data.
  package var checksums: [StorageChecksum] {
    storages.indices.map { index in
      StorageChecksum(
        digest: digest(ofStorage: index), crc32: storages[index].crc32,
        descriptorWord: storages[index].descriptorWord)
    }
  }

  /// Checks that every index and size in a decoded table fits, so that nothing read from disk can make a later step trap.
  ///
  /// - Throws: `damaged`, naming the first tensor or storage that does not fit.
  package func checkConsistency() throws(StoreError) {
    func fail(_ what: String) -> StoreError { StoreError(.damaged, "a table in the store is damaged: \(what)") }
    guard storages.count == stateDict.storageSizes.count else {
      throw fail("storages and their sizes differ in number")
    }
    for (index, storage) in storages.enumerated() {
      let size = stateDict.storageSizes[index]
      switch (storage.pack, storage.segment) {
      case (nil, nil):
        guard size == 0 else { throw fail("storage \(index) lies nowhere but has \(size) bytes") }
      case (let pack?, let segment?):
        guard packs.indices.contains(pack), packs[pack].segments.segments.indices.contains(segment) else {
          throw fail("storage \(index) lies in a pack or segment that does not exist")
        }
        guard packs[pack].segments.segments[segment].byteCount == size else {
          throw fail("storage \(index) and its segment differ in size")
        }
      default: throw fail("storage \(index) lies in a pack or a segment, but not both")
      }
    }
    for (index, tensor) in stateDict.tensors.enumerated() {
      guard storages.indices.contains(tensor.storage), tensor.byteOffset >= 0, tensor.byteCount >= 0,
        tensor.byteOffset <= stateDict.storageSizes[tensor.storage],
        tensor.byteCount <= stateDict.storageSizes[tensor.storage] - tensor.byteOffset,
        let count = tensor.shape.elementCount, tensor.dtype.byteCount(ofElements: count) == tensor.byteCount,
        tensor.sameObjectAs.map({ $0 >= 0 && $0 < index }) ?? true
      else { throw fail("tensor \"\(tensor.name)\" does not fit its storage") }
    }
    let byteCount = packs.reduce(0) { min($0, Self.byteLimit) + min($1.segments.byteCount, Self.byteLimit) }
    guard byteCount < Self.byteLimit else { throw fail("its packs have more bytes than a disk can") }
    for pack in packs where pack.segments.blob != pack.blob {
      throw fail("the segments of pack \(pack.blob) belong to another blob")
    }
    if let why = problemOfStitch() { throw fail(why) }
  }

  /// Index of each tensor by its name.
  package var tensorIndices: [ByteString: Int] {
    Dictionary(
      stateDict.tensors.enumerated().map { (ByteString($1.name), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// What lies in `range` of pack `pack`, for messages: the tensors of which some byte does.
  package func contents(ofPack pack: Int, in range: Range<Int>) -> String {
    let tensors = stateDict.tensors.filter { tensor in
      guard let location = location(ofStorage: tensor.storage), location.pack == pack else { return false }
      let start = location.range.lowerBound + tensor.byteOffset
      return (start..<start + tensor.byteCount).overlaps(range)
    }
    return tensors.isEmpty ? "header or padding" : tensors.map { "tensor \"\($0.name)\"" }.joined(separator: ", ")
  }
}
