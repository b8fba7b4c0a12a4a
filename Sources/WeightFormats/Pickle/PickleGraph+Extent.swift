import Tensors

extension PickleGraph {
  /// Where the tensor's first element is in its storage, after checking that its last one is inside too.
  ///
  /// - Parameter name: what the tensor is called in the error.
  @discardableResult
  func byteOffset(of tensor: PickleTensor, name: String) throws(FormatError) -> Int {
    let storage = storages[tensor.storage]
    let shape = Shape(integers(ofTuple: tensor.shape) ?? [])
    let strides = integers(ofTuple: tensor.strides) ?? []
    let width = tensor.dtype.byteWidth ?? 1
    // A view's tensors count from the view's beginning, and end with it. The sizes of storages and views were checked.
    let view = view(of: storage)
    let base = (view?.offset ?? 0) * storage.elementByteCount
    let byteLimit = (view?.elementCount ?? storage.elementCount) * storage.elementByteCount
    var last = tensor.offset
    var overflow = false
    if !shape.dimensions.contains(0) {
      for (dimension, stride) in zip(shape.dimensions, strides) {
        let (reach, tooFar) = (dimension - 1).multipliedReportingOverflow(by: stride)
        let (sum, tooLarge) = last.addingReportingOverflow(reach)
        last = sum
        overflow = overflow || tooFar || tooLarge
      }
      let (end, tooLarge) = last.addingReportingOverflow(1)
      last = end
      overflow = overflow || tooLarge
    }
    let (end, tooLarge) = last.multipliedReportingOverflow(by: width)
    guard !overflow, !tooLarge, end <= byteLimit else {
      throw FormatError(
        .malformed,
        "tensor \(name.printable) of shape \(shape), strides \(strides) and offset \(tensor.offset) does "
          + "not fit in storage \(keyString(of: storage)) of \(byteLimit) bytes")
    }
    return base + tensor.offset * width
  }
}
