import StoreRecords

/// Where the store has the bytes of storages already. There may be hundreds of thousands.
struct StoredPlaces: Sendable {
  private struct Place {
    /// Index into ``packs``.
    var pack: Int32
    /// Index into the pack's segments.
    var segment: Int32
  }

  private var packs: [Table.Pack] = []
  private var places: [StorageKey: Place] = [:]

  /// Notes that storages are segments of a pack.
  mutating func add(_ found: [(key: StorageKey, segment: Int)], in pack: Table.Pack) {
    places.reserveCapacity(places.count + found.count)
    for (key, segment) in found { places[key] = Place(pack: Int32(packs.count), segment: Int32(segment)) }
    packs.append(pack)
  }

  func contains(_ key: StorageKey) -> Bool { places[key] != nil }

  subscript(key: StorageKey) -> (pack: Table.Pack, segment: Int)? {
    places[key].map { (packs[Int($0.pack)], Int($0.segment)) }
  }
}
