import StoreRecords
import Tensors
import WeightFormats

extension Table {
  /// One state dict of several, their tensors in that order.
  ///
  /// - Throws: `unacceptable` if two of them have a tensor of one name.
  init(joining tables: [Table]) throws(StoreError) {
    var state = StateDict(tensors: [], storageSizes: [])
    var assembly: (packs: [Pack], storages: [Storage]) = ([], [])
    var partialDigests: [Int: Digest] = [:]
    var names: Set<ByteString> = []
    for table in tables {
      let (tensors, storages) = (state.tensors.count, state.storageSizes.count)
      var packs: [Int] = []
      for pack in table.packs {
        let known = assembly.packs.firstIndex { $0.blob == pack.blob }
        packs.append(known ?? assembly.packs.count)
        if known == nil { assembly.packs.append(pack) }
      }
      for tensor in table.stateDict.tensors {
        var tensor = tensor
        guard names.insert(ByteString(tensor.name)).inserted else {
          throw StoreError(.unacceptable(.malformed), "tensor \"\(tensor.name)\" is in two shards")
        }
        tensor.storage += storages
        tensor.sameObjectAs = tensor.sameObjectAs.map { $0 + tensors }
        state.tensors.append(tensor)
      }
      state.storageSizes += table.stateDict.storageSizes
      for storage in table.storages {
        var storage = storage
        storage.pack = storage.pack.map { packs[$0] }
        assembly.storages.append(storage)
      }
      for (tensor, digest) in table.partialDigests { partialDigests[tensor + tensors] = digest }
    }
    self.init(
      stateDict: state, packs: assembly.packs, storages: assembly.storages, partialDigests: partialDigests, stitch: nil)
    try checkConsistency()
  }
}
