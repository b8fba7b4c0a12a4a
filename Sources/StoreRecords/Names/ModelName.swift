/// The name of a model: `[A-Za-z0-9][A-Za-z0-9._+-]{0,127}`.
package struct ModelName: StoreName {
  package let text: String
  package init(unchecked text: String) { self.text = text }
  package static var noun: String { "model" }
}

/// The name of a version of a model: as a model's, but never `active` nor `README.md`.
package struct VersionName: StoreName {
  package let text: String
  package init(unchecked text: String) { self.text = text }
  package static var noun: String { "version" }
  package static var reserved: Set<String> { ["active", ModelFile.readmeName] }

  /// Not a version: the files in the model's own folder, which are recorded as those of a draft are.
  package static let own = VersionName(unchecked: ".own")

  /// Whether trainers use such a name for a checkpoint: `checkpoint-*`, `step-*`, `epoch-*`.
  package var looksLikeCheckpoint: Bool {
    ["checkpoint-", "step-", "epoch-"].contains { text.hasPrefix($0) }
  }
}

/// A name that is safe as a path component, checked when it is made.
package protocol StoreName: Sendable, Hashable, Comparable, Codable, CustomStringConvertible, CodingKeyRepresentable {
  var text: String { get }
  /// Takes a text that is known to be valid.
  init(unchecked text: String)
  /// What such a name names, for messages.
  static var noun: String { get }
  /// Valid texts that mean something else.
  static var reserved: Set<String> { get }
}

extension StoreName {
  package static var reserved: Set<String> { [] }

  /// Checks the rule for names; nil if `text` breaks it.
  package init?(_ text: some StringProtocol) {
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 128,
      text.utf8.allSatisfy({ isAlphanumeric($0) || "._+-".utf8.contains($0) }), !Self.reserved.contains(String(text))
    else { return nil }
    self.init(unchecked: String(text))
  }

  /// Checks the rule for names.
  ///
  /// - Throws: `invalidName`, with the rule.
  package init(validating text: some StringProtocol) throws(StoreError) {
    guard let name = Self(text) else {
      let why =
        Self.reserved.contains(String(text))
        ? "that name is reserved" : "expected a letter or digit, then letters, digits and . _ + - (at most 128 in all)"
      let proposal = Self.proposal(for: text).map { "; \"\($0)\" would do" } ?? ""
      throw StoreError(.invalidName, "\"\(text)\" cannot name a \(Self.noun): \(why)\(proposal)")
    }
    self = name
  }

  /// A name that is close to a text that is none; nil if too little of it is left.
  package static func proposal(for text: some StringProtocol) -> Self? {
    var name = ""
    for character in text.split(separator: "/").last ?? "" {
      let isFit = Self("x\(character)") != nil
      if isFit { name.append(character) } else if !name.isEmpty, !name.hasSuffix("-") { name.append("-") }
    }
    let begin = name.drop { Self("\($0)") == nil }
    var end = begin.prefix(128)
    while end.hasSuffix("-") { end.removeLast() }
    return Self(end) ?? Self("\(end)-1")
  }

  package var description: String { text }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let name = Self(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text)\" is not a valid \(Self.noun) name")
    }
    self = name
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  package var codingKey: any CodingKey { NameKey(stringValue: text) }

  package init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }

  /// Natural order: runs of digits compare as numbers, so `v1.2` comes before `v1.10`.
  package static func < (a: Self, b: Self) -> Bool { NaturalOrder.precedes(a.text, b.text) }
}

private struct NameKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
