import Tensors

/// GGUF, as llama.cpp reads it: a file whose tensors' elements stand for themselves (F32, F16, BF16, F64 and integers) is a state dict.
///
/// A file with quantized tensors is none: ``OpaqueFormat`` keeps it unread.
package struct GGUFFormat: WeightFormat {
  package init() {}

  package var name: String { "gguf" }
  package var fileExtensions: [String] { ["gguf"] }

  package func recognizes(_ head: [UInt8], byteCount: Int) -> Bool { GGUFHeader.recognizes(head) }

  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    let header = try GGUFHeader(source)
    var tensors: [TensorDescriptor] = []
    var storages: [WeightFile.StorageSource] = []
    tensors.reserveCapacity(header.tensors.count)
    storages.reserveCapacity(header.tensors.count)
    for tensor in header.tensors {
      guard let dtype = tensor.type?.dtype else {
        throw FormatError(
          .unsupported,
          "a GGUF file with quantized tensors (\(tensor.typeName)): it is kept and served as it is, under a name that ends "
            + "with .gguf")
      }
      tensors.append(
        TensorDescriptor(
          name: tensor.name, dtype: dtype, shape: tensor.shape, storage: tensors.count,
          byteCount: tensor.byteCount))
      storages.append(.range(offset: tensor.offset, byteCount: tensor.byteCount))
    }
    guard !tensors.isEmpty else {
      throw FormatError(
        .unsupported,
        "a GGUF file without tensors: it is kept and served as it is, under a name that ends with .gguf"
      )
    }
    guard header.end >= source.byteCount else {
      throw FormatError(
        .malformed,
        "\(source.byteCount - header.end) bytes after the last tensor, at offset \(header.end)")
    }
    return WeightFile(
      stateDict: StateDict(tensors: tensors, storageSizes: tensors.map(\.byteCount)),
      storages: storages,
      isPlain: false, extras: header.keyLines)
  }
}
