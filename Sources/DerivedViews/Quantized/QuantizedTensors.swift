import Tensors
import WeightFormats

/// The tensors of a quantized safetensors file.
struct QuantizedTensors {
  private enum Source {
    case literal([UInt8])
    case stored(Int)
    case computed(Recipe, of: Int)
  }

  private var descriptors: [(name: String, dtype: DType, shape: Shape, byteCount: Int)] = []
  private var sources: [Source] = []

  mutating func append(_ name: String, _ dtype: DType, _ shape: [Int], literal bytes: [UInt8]) {
    descriptors.append((name, dtype, Shape(shape), bytes.count))
    sources.append(.literal(bytes))
  }

  /// A tensor as it is.
  mutating func append(_ tensor: TensorDescriptor, at index: Int) {
    descriptors.append((tensor.name, tensor.dtype, tensor.shape, tensor.byteCount))
    sources.append(.stored(index))
  }

  /// - Throws: ``Withheld`` if there is no such size.
  mutating func append(
    _ name: String, _ dtype: DType, _ shape: [Int], _ recipe: Recipe, of index: Int
  ) throws(Withheld) {
    guard let count = Shape(shape).elementCount, let byteCount = dtype.byteCount(ofElements: count) else {
      throw Withheld("tensor \"\(name)\" would have more bytes than a file can")
    }
    descriptors.append((name, dtype, Shape(shape), byteCount))
    sources.append(.computed(recipe, of: index))
  }

  /// The file that `save_file(tensors, metadata={"format": "pt"})` would write.
  func file() throws(Withheld) -> DerivedFile {
    let stateDict = StateDict(independent: descriptors)
    let layout: FileLayout
    do throws(FormatError) {
      let checksums = descriptors.map { _ in StorageChecksum(digest: Digest(of: []), crc32: 0) }
      layout = try SafetensorsFormat().layout(of: stateDict, checksums: checksums)
    } catch {
      throw Withheld(error.message)
    }
    let parts = layout.segments.map { segment -> DerivedFile.Part in
      switch segment {
      case .literal(let bytes): return .literal(Array(bytes))
      case .storage(let index, _, let byteCount):
        switch sources[index] {
        case .literal(let bytes): return .literal(bytes)
        case .stored(let tensor): return .stored(tensor, byteCount: byteCount)
        case .computed(let recipe, let tensor): return .computed(recipe, of: tensor, byteCount: byteCount)
        }
      }
    }
    var types: [DType: Int] = [:]
    for descriptor in descriptors { types[descriptor.dtype, default: 0] += 1 }
    return DerivedFile(
      parts: parts, byteCount: layout.byteCount,
      types: types.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 })
  }
}
