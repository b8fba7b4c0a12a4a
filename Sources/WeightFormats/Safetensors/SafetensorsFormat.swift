package import Tensors

/// The safetensors format: an 8-byte little-endian header length, a JSON header, and the tensors' bytes.
///
///     0        8                  8 + n                          end of file
///     | n: u64 | header: n bytes  | tensor | tensor | ... | tensor |
///
/// The header maps names to `{"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}`, with offsets counted from the
/// end of the header; `__metadata__` maps strings to strings. Tensors cover the data without holes or overlaps.
/// The rules are those of the reference reader, `safetensors` 0.8.
package struct SafetensorsFormat: SynthesizableFormat {
  /// The longest header that readers accept.
  static let maximumHeaderByteCount = 100_000_000
  /// Bytes of the header length that precedes the header.
  static let lengthByteCount = 8
  /// The header key that is not a tensor.
  static let metadataKey = "__metadata__"

  package init() {}

  /// Whether a tensor of whole bytes can be stored as what it is.
  package static func holds(_ tensor: TensorDescriptor) -> Bool {
    SafetensorsDType(tensor.dtype) != nil && tensor.dtype.byteWidth != nil && tensor.dtype != .float4E2M1x2
      && tensor.name != metadataKey
  }

  package var name: String { "safetensors" }
  package var fileExtensions: [String] { ["safetensors"] }
  package var viewExtensions: [String] { ["safetensors"] }

  /// A header length below 4 GiB, and then an opening brace after any amount of JSON white space.
  ///
  /// Truncated files and headers that are too long are claimed too, so that `parse` can say what is wrong with them.
  package func recognizes(_ head: [UInt8], byteCount: Int) -> Bool {
    guard head.count > Self.lengthByteCount, head[4..<8].allSatisfy({ $0 == 0 }),
      head[0..<4].contains(where: { $0 != 0 })
    else { return false }
    guard let first = head.dropFirst(Self.lengthByteCount).first(where: { !JSONReader.isWhitespace($0) }) else {
      return true
    }
    return first == UInt8(ascii: "{")
  }
}
