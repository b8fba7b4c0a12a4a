package import Tensors

/// A SHA-256 digest as OCI writes it: `sha256:` and 64 lower-case hexadecimal digits.
package struct OCIDigest: Sendable, Hashable, Codable, CustomStringConvertible {
  package var digest: Digest

  package init(_ digest: Digest) { self.digest = digest }

  /// nil for anything else, digests of other algorithms included.
  package init?(_ text: some StringProtocol) {
    guard text.hasPrefix("sha256:"), let digest = Digest(hexadecimal: text.dropFirst(7)) else { return nil }
    self.digest = digest
  }

  package var description: String { "sha256:\(digest)" }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let digest = OCIDigest(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected sha256: and 64 hexadecimal digits")
    }
    self = digest
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
