/// Bytes as a dictionary key: unlike `String`, names that differ only in Unicode normalization are different, as they are to
/// Python and to the formats.
package struct ByteString: Hashable, Sendable {
  private let bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }
  package init(_ text: String) { bytes = Array(text.utf8) }

  /// Hashes all bytes at once; an array would feed them to the hasher one by one.
  package func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
