/// A picture to draw on, with smooth edges. Lengths are in points, of which each has ``scale`` pixels.
struct Canvas {
  struct Color {
    var red: Double
    var green: Double
    var blue: Double

    /// A color given as 0xRRGGBB.
    init(_ hex: UInt32) {
      red = Double(hex >> 16 & 0xFF)
      green = Double(hex >> 8 & 0xFF)
      blue = Double(hex & 0xFF)
    }
  }

  enum Alignment { case left, center, right }

  private let scale = 1.5
  private let width: Int
  private let height: Int
  private var pixels: [UInt8]

  /// A white picture.
  init(width: Double, height: Double) {
    self.width = Int(width * scale)
    self.height = Int(height * scale)
    pixels = Array(repeating: 255, count: 3 * self.width * self.height)
  }

  /// The picture as the bytes of a PNG file.
  var png: [UInt8] { PNGEncoder.encode(width: width, height: height, pixels: pixels) }

  /// Fills a rectangle.
  mutating func fill(x: Double, y: Double, width: Double, height: Double, _ color: Color) {
    let (left, right) = (x * scale, (x + width) * scale)
    let (top, bottom) = (y * scale, (y + height) * scale)
    for row in Int(top)...max(Int(top), Int(bottom)) {
      let vertical = min(bottom, Double(row + 1)) - max(top, Double(row))
      for column in Int(left)...max(Int(left), Int(right)) {
        let horizontal = min(right, Double(column + 1)) - max(left, Double(column))
        blend(column, row, color, coverage: max(0, vertical) * max(0, horizontal))
      }
    }
  }

  /// Draws a line with round ends.
  mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), width: Double, _ color: Color
  ) {
    let points = [start, end].map { StrokeFont.Point(x: $0.x * scale, y: $0.y * scale) }
    stroke([points], halfWidth: width * scale / 2, color)
  }

  /// Writes text.
  ///
  /// - Parameters:
  ///   - x: its left end, center or right end.
  ///   - y: its base line.
  ///   - size: the height of its capitals.
  mutating func text(
    _ text: String, x: Double, y: Double, size: Double, _ color: Color, alignment: Alignment = .left,
    isBold: Bool = false
  ) {
    let unit = size / StrokeFont.capitalHeight * scale
    let length = StrokeFont.width(text) * unit
    var position = x * scale
    switch alignment {
    case .left: break
    case .center: position -= length / 2
    case .right: position -= length
    }
    for character in text {
      let glyph = StrokeFont.glyph(character)
      let strokes = glyph.strokes.map { stroke in
        stroke.map { point in
          StrokeFont.Point(
            x: position + point.x * unit, y: y * scale + (point.y - StrokeFont.capitalHeight) * unit)
        }
      }
      stroke(strokes, halfWidth: unit * (isBold ? 1.1 : 0.75), color)
      position += glyph.advance * unit
    }
  }

  /// How wide ``text(_:x:y:size:_:alignment:isBold:)`` writes.
  static func width(of text: String, size: Double) -> Double {
    StrokeFont.width(text) * size / StrokeFont.capitalHeight
  }

  /// Draws lines through pixel coordinates; where they meet nothing becomes darker.
  private mutating func stroke(_ strokes: [[StrokeFont.Point]], halfWidth: Double, _ color: Color) {
    let points = strokes.joined()
    guard let left = points.map(\.x).min(), let right = points.map(\.x).max(), let top = points.map(\.y).min(),
      let bottom = points.map(\.y).max()
    else { return }
    let margin = halfWidth + 1
    for row in Int(top - margin)...max(Int(top - margin), Int(bottom + margin)) {
      for column in Int(left - margin)...max(Int(left - margin), Int(right + margin)) {
        let center = StrokeFont.Point(x: Double(column) + 0.5, y: Double(row) + 0.5)
        var distance = Double.infinity
        for stroke in strokes {
          for (start, end) in zip(stroke, stroke.dropFirst()) {
            distance = min(distance, Self.distance(from: center, start, end))
          }
        }
        blend(column, row, color, coverage: min(1, max(0, halfWidth + 0.5 - distance)))
      }
    }
  }

  /// From a point to the line between two others.
  private static func distance(
    from point: StrokeFont.Point, _ start: StrokeFont.Point, _ end: StrokeFont.Point
  ) -> Double {
    let (x, y) = (end.x - start.x, end.y - start.y)
    let length = x * x + y * y
    let along = length > 0 ? ((point.x - start.x) * x + (point.y - start.y) * y) / length : 0
    let nearest = min(1, max(0, along))
    let (dx, dy) = (point.x - start.x - nearest * x, point.y - start.y - nearest * y)
    return (dx * dx + dy * dy).squareRoot()
  }

  private mutating func blend(_ column: Int, _ row: Int, _ color: Color, coverage: Double) {
    guard coverage > 0, column >= 0, column < width, row >= 0, row < height else { return }
    let offset = 3 * (row * width + column)
    for (index, value) in [color.red, color.green, color.blue].enumerated() {
      let old = Double(pixels[offset + index])
      pixels[offset + index] = UInt8(clamping: Int((old + (value - old) * coverage).rounded()))
    }
  }
}
