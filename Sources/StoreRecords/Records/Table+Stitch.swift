import BlobStore
import Tensors

extension Table {
  /// How the file that a table describes is put together when it is not a pack itself: literal bytes and storages, in turn.
  package struct Stitch: Sendable, Hashable {
    /// Some literal bytes, the next of the segment that holds them all, and then a whole storage.
    package struct Piece: Sendable, Hashable {
      package var literalByteCount: Int
      /// Index of a storage of the state dict; nil after the last.
      package var storage: Int?
      package init(literalByteCount: Int, storage: Int?) {
        self.literalByteCount = literalByteCount
        self.storage = storage
      }
    }

    /// Index into ``Table/packs`` of the pack with the literal bytes.
    package var pack: Int
    /// Index into that pack's segments.
    package var segment: Int
    package var pieces: [Piece]
    package init(pack: Int, segment: Int, pieces: [Piece]) {
      self.pack = pack
      self.segment = segment
      self.pieces = pieces
    }
  }

  /// Where the literal bytes of a stitched file lie; nil if the file is a pack.
  package var literalRange: (pack: Int, range: Range<Int>)? {
    stitch.map { ($0.pack, packs[$0.pack].segments.segments[$0.segment].range) }
  }

  /// What does not fit in a decoded ``stitch``; nil if everything does.
  func problemOfStitch() -> String? {
    guard let stitch else { return nil }
    guard packs.indices.contains(stitch.pack), packs[stitch.pack].segments.segments.indices.contains(stitch.segment)
    else { return "its literal bytes lie in a pack or segment that does not exist" }
    var rest = packs[stitch.pack].segments.segments[stitch.segment].byteCount
    var total = 0
    for piece in stitch.pieces {
      guard piece.literalByteCount >= 0, piece.literalByteCount <= rest else {
        return "it has fewer literal bytes than its pieces need"
      }
      rest -= piece.literalByteCount
      guard piece.storage.map({ storages.indices.contains($0) }) ?? true else {
        return "a piece of it is a storage that does not exist"
      }
      let size = piece.storage.map { stateDict.storageSizes[$0] } ?? 0
      for part in [size, piece.literalByteCount] {
        let (sum, overflow) = total.addingReportingOverflow(part)
        guard !overflow else { return "its pieces have more bytes than a file can" }
        total = sum
      }
    }
    return rest == 0 ? nil : "it has more literal bytes than its pieces need"
  }

  /// The segments that the state dict and the file need, by pack.
  package var neededSegments: [Set<Int>] {
    var needed = [Set<Int>](repeating: [], count: packs.count)
    for storage in storages {
      if let pack = storage.pack, let segment = storage.segment { needed[pack].insert(segment) }
    }
    if let stitch { needed[stitch.pack].insert(stitch.segment) }
    return needed
  }
}
