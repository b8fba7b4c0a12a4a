package import StoreRecords
import Tensors
import WeightFormats

/// What the header of a weight file tells that is kept unread. Of GGUF files it says which tensors they have; of others nothing is
/// known.
package struct UnreadContents: Sendable {
  /// A tensor, whose elements may be quantized.
  package struct Listed: Sendable, Hashable {
    package var name: String
    /// As ggml names it: `Q4_K`.
    package var type: String
    package var shape: [Int]
    package var byteCount: Int
  }

  /// Tensors of a type.
  package struct TypeCount: Sendable, Hashable, Encodable {
    package var type: String
    package var tensors: Int
    package var byteCount: Int
  }

  package private(set) var architecture: String?
  package private(set) var tensors: [Listed] = []
  /// nil for a format that is not looked into.
  let counts: WeightRecord.Counts?
  /// What else the file carries, a line each.
  let extras: [String]

  /// - Parameter name: names the file in errors.
  init(of source: some ByteSource, as format: OpaqueFormat, _ name: String) throws(StoreError) {
    guard format == .gguf else {
      (counts, extras) = (nil, [])
      return
    }
    let header = try parsing(name, try GGUFHeader(source))
    architecture = header.architecture
    tensors = header.tensors.map { tensor in
      Listed(
        name: tensor.name, type: tensor.typeName, shape: tensor.shape.dimensions,
        byteCount: tensor.byteCount)
    }
    counts = .init(tensorCount: header.tensors.count, parameterCount: header.parameterCount)
    extras = header.keyLines
  }

  /// How many tensors are of each type, the most bytes first.
  package var types: [TypeCount] {
    var types: [String: TypeCount] = [:]
    for tensor in tensors {
      types[tensor.type, default: TypeCount(type: tensor.type, tensors: 0, byteCount: 0)].tensors +=
        1
      types[tensor.type]?.byteCount += tensor.byteCount
    }
    return types.values.sorted { ($1.byteCount, $0.type) < ($0.byteCount, $1.type) }
  }
}

extension ViewCatalogue {
  /// What the header of a weight file tells that is kept unread; nil for one that is read.
  package func unreadContents(of file: WeightRecord) throws(StoreError) -> UnreadContents? {
    guard file.table == nil, let format = OpaqueFormat(rawValue: file.format) else { return nil }
    return try UnreadContents(of: try open(file), as: format, file.path)
  }
}
