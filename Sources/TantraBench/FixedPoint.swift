/// Numbers as text with a fixed count of digits after the point.
package enum FixedPoint {
  /// Exactly `digits` digits after the point, and none beyond 10^15.
  package static func text(_ value: Double, _ digits: Int) -> String {
    let factor = (0..<digits).reduce(1) { factor, _ in factor * 10 }
    let scaled = Int(min(1e15, max(-1e15, value * Double(factor))).rounded())
    guard digits > 0 else { return "\(scaled)" }
    let fraction = String(abs(scaled) % factor)
    return (scaled < 0 ? "-" : "") + "\(abs(scaled) / factor)."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// Two digits after the point, or none from 100 on.
  package static func ratio(_ value: Double) -> String { text(value, value < 100 ? 2 : 0) }
}
