import StoreRecords

/// Where the store has the bytes of a storage already.
struct StoredStorage: Sendable {
  var pack: Table.Pack
  /// Index into the pack's segments.
  var segment: Int
}
