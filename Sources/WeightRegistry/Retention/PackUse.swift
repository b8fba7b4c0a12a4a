import BlobStore
import StoreRecords
import Tensors

/// What the versions of a store need of a pack.
struct PackUse: Sendable {
  var pack: Table.Pack
  /// Segments that somebody needs, with a tensor that names each; nil for literal bytes.
  var needed: [Int: TensorDescriptor?] = [:]

  var neededByteCount: Int { needed.keys.reduce(0) { $0 + pack.segments.segments[$1].byteCount } }

  /// Whether less than half of it is needed.
  var isMostlyDead: Bool { neededByteCount < pack.segments.byteCount / 2 }

  /// Copies what is needed into a new pack, durably.
  func compact(
    in blobs: BlobStore, _ pins: BlobPins, progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> PackMove {
    let source = try blobStore(try blobs.open(pack.blob))
    var assembly = PackAssembly()
    let order = needed.keys.sorted()
    for index in order {
      let segment = pack.segments.segments[index]
      let name = needed[index].flatMap(\.self) ?? .literals
      assembly.add(name, .stored(source, [segment.range]), digest: segment.digest)
    }
    let stored = try assembly.store(in: blobs, pins, progress: progress)
    return PackMove(
      pack: stored.pack, segments: Dictionary(zip(order, stored.segments), uniquingKeysWith: { first, _ in first }))
  }
}

/// Where the segments of a pack have gone.
struct PackMove: Sendable {
  var pack: Table.Pack
  /// New index of a segment by its old one.
  var segments: [Int: Int]
}

extension TensorDescriptor {
  /// The tensor of a new pack that holds a file's literal bytes.
  static let literals = TensorDescriptor(
    name: "tantra.literals", dtype: .uint8, shape: [], storage: 0, byteCount: 0)
}

extension Table {
  /// The table with packs exchanged for those that their segments have gone to. Packs that nothing is needed of are left
  /// out, unless the file is that pack.
  ///
  /// - Parameter file: the id of the file.
  func moving(_ moves: [Digest: PackMove], file: Digest) throws(StoreError) -> Table {
    let needed = neededSegments
    var moved = self
    moved.packs = []
    var indices: [Int: Int] = [:]
    for (index, pack) in packs.enumerated() where !needed[index].isEmpty || pack.blob == file {
      indices[index] = moved.packs.count
      moved.packs.append(moves[pack.blob]?.pack ?? pack)
    }
    func segment(_ segment: Int?, of pack: Int?) -> Int? {
      pack.flatMap { moves[packs[$0].blob] }.flatMap { move in segment.flatMap { move.segments[$0] } } ?? segment
    }
    for index in storages.indices {
      moved.storages[index].segment = segment(storages[index].segment, of: storages[index].pack)
      moved.storages[index].pack = storages[index].pack.flatMap { indices[$0] }
    }
    if let stitch, let pack = indices[stitch.pack] {
      moved.stitch?.segment = segment(stitch.segment, of: stitch.pack) ?? stitch.segment
      moved.stitch?.pack = pack
    }
    try moved.checkConsistency()
    return moved
  }
}
