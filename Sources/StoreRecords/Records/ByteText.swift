/// Any bytes as text of a record: each character stands for one byte, so that ASCII is read as it is.
package struct ByteText: Sendable, Hashable, Codable {
  package var bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    bytes = try container.decode(String.self).unicodeScalars.map { scalar in
      guard let byte = UInt8(exactly: scalar.value) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "a character is no byte")
      }
      return byte
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: bytes.map { Unicode.Scalar($0) })
    var container = encoder.singleValueContainer()
    try container.encode(String(text))
  }
}
