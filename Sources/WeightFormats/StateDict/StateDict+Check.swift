import Tensors

extension StateDict {
  /// The largest file that is laid out. Far beyond any file system's limit, and far from overflow.
  package static let maximumLayoutByteCount = Int.max / 4

  /// Fails unless every index and range in the state dict is valid, so that writers may rely on them.
  ///
  /// - Parameter checksumCount: how many checksums came with the state dict.
  /// - Throws: `malformed`, naming the tensor. A parser or a stored table that is intact never gives rise to it.
  func checkForLayout(checksumCount: Int) throws(FormatError) {
    guard checksumCount == storageSizes.count else {
      throw FormatError(.malformed, "\(storageSizes.count) storages, but \(checksumCount) checksums")
    }
    for (index, size) in storageSizes.enumerated() where size < 0 || size > Self.maximumLayoutByteCount {
      throw FormatError(.malformed, "storage \(index) has an impossible size: \(size)")
    }
    for (index, tensor) in tensors.enumerated() {
      guard storageSizes.indices.contains(tensor.storage) else {
        throw FormatError(
          .malformed, "tensor '\(tensor.name)': there is no storage \(tensor.storage), only \(storageSizes.count)")
      }
      let size = storageSizes[tensor.storage]
      guard tensor.byteOffset >= 0, tensor.byteCount >= 0, tensor.byteOffset <= size,
        tensor.byteCount <= size - tensor.byteOffset
      else {
        throw FormatError(
          .malformed,
          "tensor '\(tensor.name)': \(tensor.byteCount) bytes at offset \(tensor.byteOffset) are outside its storage "
            + "of \(size) bytes")
      }
      guard let count = tensor.shape.elementCount, tensor.dtype.byteCount(ofElements: count) == tensor.byteCount else {
        throw FormatError(
          .malformed,
          "tensor '\(tensor.name)': \(tensor.dtype.rawValue) of shape \(tensor.shape) does not take \(tensor.byteCount) bytes"
        )
      }
      if let other = tensor.sameObjectAs {
        guard other >= 0, other < index, tensor.isSameObject(as: tensors[other]) else {
          throw FormatError(.malformed, "tensor '\(tensor.name)': it is not the same object as tensor \(other)")
        }
      }
    }
  }
}

extension TensorDescriptor {
  /// Whether nothing but the names tells the two tensors apart.
  fileprivate func isSameObject(as other: TensorDescriptor) -> Bool {
    storage == other.storage && byteOffset == other.byteOffset && dtype == other.dtype && shape == other.shape
      && isParameter == other.isParameter && requiresGrad == other.requiresGrad
  }
}
