/// Bytes as a dictionary key: unlike `String`, names that differ only in Unicode normalization are different, as they are to
/// Python and to the formats.
struct ByteString: Hashable {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ text: String) { bytes = Array(text.utf8) }

  /// Hashes all bytes at once; an array would feed them to the hasher one by one.
  func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
