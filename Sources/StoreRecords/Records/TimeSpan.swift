/// A length of time as people write it: `1w`, `7d`, `12h`, `15m`, `10s`.
package struct TimeSpan: Sendable, Hashable, Comparable {
  private static let units: [(name: Character, seconds: Int64)] = [
    ("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
  ]

  /// A century, in seconds: a span of it can be added to a time in nanoseconds.
  private static let limit: Int64 = 100 * 366 * 86_400

  /// At most a century.
  package let seconds: Int64

  package init(seconds: Int64) { self.seconds = min(max(seconds, 0), Self.limit) }

  /// nil for what is no length of time, or longer than a century.
  package init?(_ text: String) {
    guard let unit = Self.units.first(where: { $0.name == text.last }), let count = Int64(text.dropLast()), count >= 0,
      count <= Self.limit / unit.seconds
    else { return nil }
    seconds = count * unit.seconds
  }

  package var nanoseconds: Int64 { seconds * 1_000_000_000 }

  /// In the largest unit, up to days, that it is a whole number of.
  package var text: String {
    guard let unit = Self.units.dropFirst().first(where: { seconds % $0.seconds == 0 && seconds > 0 }) else {
      return "0s"
    }
    return "\(seconds / unit.seconds)\(unit.name)"
  }

  package static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.seconds < b.seconds }
}
