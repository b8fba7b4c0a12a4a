package import StoreRecords
import Tensors

/// Compares the weights of two tables: names, dtypes, shapes and bytes, in any order.
///
/// A tie is one tensor: where one table has every name of the other, more names for what it has already are no difference.
package enum StateDictDifference {
  /// The first difference, in words; nil if they hold the same state dict.
  package static func first(_ old: Table, _ new: Table) -> String? {
    let (oldIndices, newIndices) = (old.tensorIndices, new.tensorIndices)
    let missing = old.stateDict.tensors.indices.filter { newIndices[old.name(ofTensor: $0)] == nil }
    let added = new.stateDict.tensors.indices.filter { oldIndices[new.name(ofTensor: $0)] == nil }
    let tied = missing.isEmpty || !added.isEmpty ? [] : new.keys
    if let index = missing.first(where: { !tied.contains(old.key(ofTensor: $0)) }) {
      return "tensor \"\(old.stateDict.tensors[index].name)\" is not in the new file"
    }
    for (index, tensor) in new.stateDict.tensors.enumerated() {
      guard let oldIndex = oldIndices[ByteString(tensor.name)] else { continue }
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
    let known = added.isEmpty ? [] : old.keys
    if let index = added.first(where: { !known.contains(new.key(ofTensor: $0)) }) {
      return "tensor \"\(new.stateDict.tensors[index].name)\" is new"
    }
    return nil
  }

  /// Whether both have the same names.
  static func haveSameNames(_ a: Table, _ b: Table) -> Bool {
    a.stateDict.tensors.count == b.stateDict.tensors.count
      && Set(a.tensorIndices.keys) == Set(b.tensorIndices.keys)
  }
}

extension Table {
  /// What a tensor is but for its name.
  fileprivate struct TensorKey: Hashable {
    var dtype: DType
    var shape: Shape
    var digest: Digest
  }

  fileprivate var keys: Set<TensorKey> { Set(stateDict.tensors.indices.map(key(ofTensor:))) }

  fileprivate func key(ofTensor index: Int) -> TensorKey {
    let tensor = stateDict.tensors[index]
    return TensorKey(dtype: tensor.dtype, shape: tensor.shape, digest: digest(ofTensor: index))
  }

  fileprivate func name(ofTensor index: Int) -> ByteString { ByteString(stateDict.tensors[index].name) }
}
