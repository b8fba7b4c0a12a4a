/// The tensors of a model in order, and what formats need to remember about them. A value: it holds no tensor data.
///
/// Tensor data lives in *storages*, as in torch: a run of bytes that one or several tensors view. A tensor that shares
/// nothing has a storage of its own, filled exactly. Storages are named by their index here; where their bytes are is
/// known to whoever made the state dict (a file's parser, or the table of a stored version).
package struct StateDict: Sendable, Hashable {
  /// The Python type of the top-level mapping, as the file had it.
  package enum Container: String, Sendable {
    case orderedDict = "OrderedDict"
    case dict
  }

  /// One module's entry of torch's `_metadata`: path and its integer fields (normally `version`), in order.
  package struct ModuleMetadata: Sendable, Hashable {
    package struct Field: Sendable, Hashable {
      package var name: String
      package var value: Int
      package init(name: String, value: Int) {
        self.name = name
        self.value = value
      }
    }
    package var path: String
    package var fields: [Field]
    package init(path: String, fields: [Field]) {
      self.path = path
      self.fields = fields
    }
  }

  package var container: Container
  /// Unique names, in table order.
  package var tensors: [TensorDescriptor]
  /// Bytes of each storage; every one is viewed by at least one tensor.
  package var storageSizes: [Int]
  /// torch's `_metadata` attribute; nil if the file had none.
  package var metadata: [ModuleMetadata]?

  package init(
    container: Container = .orderedDict, tensors: [TensorDescriptor], storageSizes: [Int],
    metadata: [ModuleMetadata]? = nil
  ) {
    self.container = container
    self.tensors = tensors
    self.storageSizes = storageSizes
    self.metadata = metadata
  }

  /// A state dict in which every tensor fills a storage of its own, in the order given.
  package init(independent tensors: [(name: String, dtype: DType, shape: Shape, byteCount: Int)]) {
    self.init(
      tensors: tensors.enumerated().map { index, tensor in
        TensorDescriptor(
          name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, storage: index, byteCount: tensor.byteCount)
      },
      storageSizes: tensors.map(\.byteCount))
  }

  /// Elements over all tensors, shared storages counted once for each tensor; saturates at `Int.max`.
  package var parameterCount: Int {
    tensors.lazy.map(\.shape).elementCount
  }
}

extension Sequence<Shape> {
  /// Elements over all of them; saturates. A shape whose elements cannot be counted counts as none.
  package var elementCount: Int {
    reduce(0) { total, shape in
      let (sum, overflow) = total.addingReportingOverflow(shape.elementCount ?? 0)
      return overflow ? .max : sum
    }
  }
}
