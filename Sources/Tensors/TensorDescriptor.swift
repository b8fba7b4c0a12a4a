/// What is known of a tensor without its data: name, dtype, shape, and which bytes of which storage it views.
///
/// The view is always contiguous and row-major; importers copy strided tensors into storages of their own.
package struct TensorDescriptor: Sendable, Hashable {
  package var name: String
  package var dtype: DType
  package var shape: Shape
  /// Index into ``StateDict/storageSizes``.
  package var storage: Int
  /// Where the tensor begins in its storage, in bytes; a multiple of the element's width.
  package var byteOffset: Int
  package var byteCount: Int
  /// Whether torch pickled it as `torch.nn.Parameter`.
  package var isParameter: Bool
  package var requiresGrad: Bool
  /// Index of an earlier tensor that is the very same Python object (`a is b`); torch's pickler writes such a tensor once.
  package var sameObjectAs: Int?

  package init(
    name: String, dtype: DType, shape: Shape, storage: Int, byteOffset: Int = 0, byteCount: Int,
    isParameter: Bool = false, requiresGrad: Bool = false, sameObjectAs: Int? = nil
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.byteOffset = byteOffset
    self.byteCount = byteCount
    self.isParameter = isParameter
    self.requiresGrad = requiresGrad
    self.sameObjectAs = sameObjectAs
  }
}
