/// The path that a symbolic link holds: any bytes but 0, which need not lead anywhere. Nobody here follows it.
package struct LinkTarget: Sendable, Hashable, CustomStringConvertible {
  package var bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  package init(_ text: String) { bytes = Array(text.utf8) }

  /// The path as text; nil if it is not UTF-8.
  package var text: String? { String(validating: bytes, as: UTF8.self) }

  package var description: String { String(decoding: bytes, as: UTF8.self) }

  /// The longest target that the kernel takes, in bytes: `PATH_MAX` less the 0 at the end.
  package static let limit = 4095

  /// Whether a link can have it.
  var isPossible: Bool { !bytes.isEmpty && bytes.count <= Self.limit && !bytes.contains(0) }
}

extension LinkTarget: ExpressibleByStringLiteral {
  package init(stringLiteral text: String) { self.init(text) }
}

extension LinkTarget: Codable {
  package init(from decoder: any Decoder) throws { bytes = try ByteText(from: decoder).bytes }

  package func encode(to encoder: any Encoder) throws { try ByteText(bytes).encode(to: encoder) }
}
