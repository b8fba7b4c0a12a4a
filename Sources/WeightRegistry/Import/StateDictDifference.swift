package import StoreRecords
import Tensors

/// Compares the weights of two tables: names, dtypes, shapes and bytes, in any order.
package enum StateDictDifference {
  /// The first difference, in words; nil if they hold the same state dict.
  package static func first(_ old: Table, _ new: Table) -> String? {
    let oldIndices = old.tensorIndices
    let newNames = Set(new.stateDict.tensors.map { ByteString($0.name) })
    if let missing = old.stateDict.tensors.first(where: { !newNames.contains(ByteString($0.name)) }) {
      return "tensor \"\(missing.name)\" is not in the new file"
    }
    for (index, tensor) in new.stateDict.tensors.enumerated() {
      guard let oldIndex = oldIndices[ByteString(tensor.name)] else { return "tensor \"\(tensor.name)\" is new" }
      let known = old.stateDict.tensors[oldIndex]
      if known.dtype != tensor.dtype {
        return "tensor \"\(tensor.name)\" is \(known.dtype.rawValue), not \(tensor.dtype.rawValue)"
      }
      if known.shape != tensor.shape {
        return "tensor \"\(tensor.name)\" has shape \(known.shape), not \(tensor.shape)"
      }
      if old.digest(ofTensor: oldIndex) != new.digest(ofTensor: index) {
        return "tensor \"\(tensor.name)\" has other values"
      }
    }
    return nil
  }
}
