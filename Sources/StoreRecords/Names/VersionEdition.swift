/// What is kept of a version, by its number: `v1.0@3` is a backup, a removed version or an earlier edition of one. Without a number
/// it is the version itself.
package struct VersionEdition: Sendable, Hashable, CustomStringConvertible {
  package var version: VersionName
  package var number: Int?

  package init(_ version: VersionName, _ number: Int? = nil) {
    self.version = version
    self.number = number
  }

  /// Reads `v1.0` or `v1.0@3`.
  ///
  /// - Throws: `invalidName`.
  package init(validating text: some StringProtocol) throws(StoreError) {
    guard let mark = text.lastIndex(of: "@") else {
      self.init(try VersionName(validating: text))
      return
    }
    guard let number = Int(text[text.index(after: mark)...]), number > 0 else {
      throw StoreError(.invalidName, "expected VERSION@NUMBER, found \"\(text)\"")
    }
    self.init(try VersionName(validating: text[..<mark]), number)
  }

  package var description: String { version.text + (number.map { "@\($0)" } ?? "") }
}
