import StoreRecords
import Tensors

/// Says which tensor of a version lies at a place of a pack, for messages.
struct TensorNaming: Sendable {
  private let name: String
  private let tables: [Digest]
  /// Those of the store that has the blobs that have this.
  private weak let records: RecordStore?

  init(_ manifest: Manifest, _ records: RecordStore) {
    name = "\(manifest.model)/\(manifest.version)"
    tables = manifest.tables.map(\.table)
    self.records = records
  }

  func describe(_ range: Range<Int>, of blob: Digest) -> String {
    guard let records else { return "a part of \(name)" }
    for digest in tables {
      do throws(StoreError) {
        let table = try records.table(digest)
        guard let pack = table.packs.firstIndex(where: { $0.blob == blob }) else { continue }
        for tensor in table.stateDict.tensors {
          guard let place = table.location(ofStorage: tensor.storage), place.pack == pack,
            place.range.overlaps(range)
          else { continue }
          return "tensor \"\(tensor.name)\" of \(name)"
        }
      } catch {
        // Then the message has no name.
      }
    }
    return "a part of \(name)"
  }
}
