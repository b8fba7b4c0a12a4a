/// What is known of a tensor without its data: name, dtype, shape, and which bytes of which storage it views.
///
/// The view is always contiguous and row-major; importers copy strided tensors into storages of their own.
package struct TensorDescriptor: Sendable, Hashable, Codable {
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

  private enum CodingKeys: String, CodingKey {
    case name, dtype, shape, storage, byteOffset, byteCount, isParameter, requiresGrad, sameObjectAs
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    dtype = try container.decode(DType.self, forKey: .dtype)
    shape = try container.decode(Shape.self, forKey: .shape)
    storage = try container.decode(Int.self, forKey: .storage)
    byteOffset = try container.decodeIfPresent(Int.self, forKey: .byteOffset) ?? 0
    byteCount = try container.decode(Int.self, forKey: .byteCount)
    isParameter = try container.decodeIfPresent(Bool.self, forKey: .isParameter) ?? false
    requiresGrad = try container.decodeIfPresent(Bool.self, forKey: .requiresGrad) ?? false
    sameObjectAs = try container.decodeIfPresent(Int.self, forKey: .sameObjectAs)
  }

  /// Leaves out what has its default value, so that the common tensor is one short line of JSON.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(dtype, forKey: .dtype)
    try container.encode(shape, forKey: .shape)
    try container.encode(storage, forKey: .storage)
    if byteOffset != 0 { try container.encode(byteOffset, forKey: .byteOffset) }
    try container.encode(byteCount, forKey: .byteCount)
    if isParameter { try container.encode(isParameter, forKey: .isParameter) }
    if requiresGrad { try container.encode(requiresGrad, forKey: .requiresGrad) }
    try container.encodeIfPresent(sameObjectAs, forKey: .sameObjectAs)
  }
}
