import BlobStore
import StoreRecords
import Tensors

/// A table in the making: packs, and where storages lie in them.
struct TableAssembly {
  private(set) var packs: [Table.Pack] = []
  private(set) var storages: [Table.Storage?]
  private var indices: [Digest: Int] = [:]

  init(storageCount: Int) { storages = Array(repeating: nil, count: storageCount) }

  /// The index of a pack, which is added if it is new.
  mutating func index(of pack: Table.Pack) -> Int {
    if let index = indices[pack.blob] { return index }
    indices[pack.blob] = packs.count
    packs.append(pack)
    return packs.count - 1
  }

  /// Enters where a storage lies.
  mutating func enter(_ storage: Int, _ checksum: StorageChecksum, in pack: Table.Pack, segment: Int) {
    storages[storage] = Table.Storage(
      pack: index(of: pack), segment: segment, crc32: checksum.crc32, descriptorWord: checksum.descriptorWord)
  }

  /// The table; storages without a place are empty.
  func table(
    of stateDict: StateDict, partialDigests: [Int: Digest], stitch: Table.Stitch?
  ) throws(StoreError) -> Table {
    let table = Table(
      stateDict: stateDict, packs: packs,
      storages: storages.map { $0 ?? Table.Storage(pack: nil, segment: nil, crc32: 0, descriptorWord: nil) },
      partialDigests: partialDigests, stitch: stitch)
    try table.checkConsistency()
    return table
  }
}
