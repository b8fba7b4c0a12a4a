/// A file's name or path, told from others by its bytes, as on a disk.
///
/// Swift takes two strings for equal that look the same, such as `é` as one character and as `e` with an accent. They are two files.
/// A property that is marked `@ExactName` stays a `String` for its users, and is compared and hashed by its bytes.
@propertyWrapper
package struct ExactName: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  package var wrappedValue: String

  package init(wrappedValue: String) { self.wrappedValue = wrappedValue }

  package init(_ text: String) { wrappedValue = text }

  /// The name as a value of its own: `$0.$path == ExactName(path)`.
  package var projectedValue: ExactName { self }

  package var description: String { wrappedValue }

  package static func == (a: ExactName, b: ExactName) -> Bool { a.wrappedValue.utf8.elementsEqual(b.wrappedValue.utf8) }

  package static func < (a: ExactName, b: ExactName) -> Bool {
    a.wrappedValue.utf8.lexicographicallyPrecedes(b.wrappedValue.utf8)
  }

  /// Names that look the same have one hash; that they are not equal tells them apart.
  package func hash(into hasher: inout Hasher) { hasher.combine(wrappedValue) }

  package init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(String.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}
