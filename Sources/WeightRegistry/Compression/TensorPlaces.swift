import BlobStore
import StoreRecords
import Tensors

/// Where what a version holds lies: its tensors in packs, and the files that are kept unread.
struct TensorPlaces {
  /// What has an equal in another version: a tensor of the same name, type and shape in the same file, or a file of the same path and
  /// size.
  struct Key: Hashable {
    /// The path of a component or file; nothing for the main state dict.
    var path: String
    /// nil for a whole file.
    var tensor: String?
    var dtype: DType?
    var shape: Shape?
    var byteCount: Int
  }

  struct Place: Hashable {
    var blob: Digest
    var start: Int
  }

  /// Tensors with fewer bytes go with their neighbours.
  private static let leastByteCount = 1 << 10

  private(set) var places: [Key: Place] = [:]
  /// The segments of all blobs; nil for one segment whose digest nobody has written down.
  private(set) var tables: [Digest: SegmentTable?] = [:]

  /// Reads all tables of a version.
  init(of manifest: Manifest, in records: RecordStore) throws(StoreError) {
    var paths: [Digest: String] = [:]
    for file in manifest.components { if let table = file.table { paths[table] = file.path } }
    if let main = manifest.main { paths[main.table] = "" }
    for (digest, _) in manifest.tables {
      let table = try records.table(digest)
      for pack in table.packs { tables[pack.blob] = .some(pack.segments) }
      for tensor in table.stateDict.tensors where tensor.byteCount >= Self.leastByteCount {
        guard let location = table.location(ofStorage: tensor.storage) else { continue }
        let key = Key(
          path: paths[digest] ?? "", tensor: tensor.name, dtype: tensor.dtype, shape: tensor.shape,
          byteCount: tensor.byteCount)
        places[key] = Place(
          blob: table.packs[location.pack].blob, start: location.range.lowerBound + tensor.byteOffset)
      }
    }
    for file in manifest.weights where file.table == nil {
      tables[file.blob] = .some(nil)
      places[Key(path: file.path, byteCount: file.byteCount)] = Place(blob: file.blob, start: 0)
    }
    for file in manifest.files {
      guard case .blob(let blob, let digest) = file.content else { continue }
      tables[blob] = .some(SegmentTable(whole: file.byteCount, digest))
      places[Key(path: file.path, byteCount: file.byteCount)] = Place(blob: blob, start: 0)
    }
  }

  /// Where in another version lies what a blob of this one is like.
  func resemblance(of blob: Digest, to other: TensorPlaces) -> Resemblance {
    let stretches = places.compactMap { key, place -> Resemblance.Stretch? in
      guard place.blob == blob, let found = other.places[key], found.blob != blob else { return nil }
      return Resemblance.Stretch(place.start..<place.start + key.byteCount, in: found.blob, from: found.start)
    }
    return Resemblance(stretches, tables: other.tables)
  }
}
