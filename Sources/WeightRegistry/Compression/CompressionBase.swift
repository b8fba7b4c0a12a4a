package import StoreRecords

/// What compressed blobs may be differences from.
package enum CompressionBase: Sendable, Hashable {
  /// What saves most of the active version, the oldest one, and the nearest before.
  case best
  /// Nothing: each stands for itself.
  case none
  /// A version, of the same model if no other is named; nil for the active one.
  case version(ModelName?, VersionName?)

  /// Reads `none`, `v1.0` or `mamba/v1.0`; nil is the best.
  ///
  /// - Throws: `invalidName`.
  package init(_ text: String?) throws(StoreError) {
    guard let text else {
      self = .best
      return
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    switch parts.count {
    case 1 where text == "none": self = .none
    case 1, 2:
      let version = parts[parts.count - 1]
      self = .version(
        parts.count == 2 ? try ModelName(validating: parts[0]) : nil,
        version == "active" ? nil : try VersionName(validating: version))
    default:
      throw StoreError(
        .invalidName, "expected a base of the form VERSION, MODEL/VERSION or none, found \"\(text)\"")
    }
  }
}
