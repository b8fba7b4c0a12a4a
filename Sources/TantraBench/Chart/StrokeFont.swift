/// Letters as pen strokes, drawn for charts.
///
/// A glyph is strokes separated by `|`, a stroke is points `xy` in base 36, and one that begins with `~` is a smooth curve
/// through its points. y is 0 at the top of capitals, 4 at that of small letters, 12 at the base line, and 16 below it.
enum StrokeFont {
  struct Point {
    var x: Double
    var y: Double
  }

  /// The strokes of a glyph as lines from point to point, and how far it is to the next glyph.
  struct Glyph {
    var strokes: [[Point]]
    var advance: Double
  }

  static let capitalHeight = 12.0
  private static let spacing = 3.4

  /// The glyph of a character; a box for one that has none.
  static func glyph(_ character: Character) -> Glyph {
    if character == " " { return Glyph(strokes: [], advance: 6) }
    let strokes = (drawings[character] ?? "00 80 8c 0c 00").split(separator: "|").map(polyline)
    return Glyph(strokes: strokes, advance: (strokes.joined().map(\.x).max() ?? 0) + spacing)
  }

  /// How wide a text is, in units of the glyphs.
  static func width(_ text: String) -> Double { text.reduce(0) { $0 + glyph($1).advance } - spacing }

  private static func polyline(_ stroke: Substring) -> [Point] {
    let points = stroke.drop { $0 == "~" }.split(separator: " ").compactMap { pair -> Point? in
      guard let x = pair.first?.base36, let y = pair.last?.base36 else { return nil }
      return Point(x: Double(x), y: Double(y))
    }
    return stroke.hasPrefix("~") ? smooth(points) : points
  }

  /// A Catmull-Rom spline through the points.
  private static func smooth(_ points: [Point]) -> [Point] {
    guard points.count > 2, let first = points.first, let last = points.last else { return points }
    let isClosed = first.x == last.x && first.y == last.y
    let before = isClosed ? points[points.count - 2] : first
    let after = isClosed ? points[1] : last
    let all = [before] + points + [after]
    var curve = [first]
    for index in 1..<all.count - 2 {
      let (a, b, c, d) = (all[index - 1], all[index], all[index + 1], all[index + 2])
      for step in 1...6 {
        let t = Double(step) / 6
        func blend(_ a: Double, _ b: Double, _ c: Double, _ d: Double) -> Double {
          let cubic = (3 * b - 3 * c + d - a) * t * t * t
          let square = (2 * a - 5 * b + 4 * c - d) * t * t
          return b + ((c - a) * t + square + cubic) / 2
        }
        curve.append(Point(x: blend(a.x, b.x, c.x, d.x), y: blend(a.y, b.y, c.y, d.y)))
      }
    }
    return curve
  }

  private static let drawings: [Character: String] = [
    "a": "~44 75 88 7b 4c 1b 08 15 44|84 8c", "b": "~44 75 88 7b 4c 1b 08 15 44|00 0c",
    "c": "~75 44 15 08 1b 4c 7b", "d": "~44 75 88 7b 4c 1b 08 15 44|80 8c",
    "e": "08 88|~88 75 44 15 08 1b 4c 7b", "f": "~50 31 23 25|25 2c|04 54",
    "g": "~44 75 88 7b 4c 1b 08 15 44|84 8d|~8d 7f 4g 1f", "h": "00 0c|~08 15 44 65 78|78 7c",
    "i": "14 1c|11 11", "j": "34 3d|~3d 2f 0g|31 31", "k": "00 0c|64 09|27 6c", "l": "10 1c",
    "m": "04 0c|~07 15 34 45 57|57 5c|~57 65 84 95 a7|a7 ac", "n": "04 0c|~08 15 44 65 78|78 7c",
    "o": "~44 75 88 7b 4c 1b 08 15 44", "p": "~44 75 88 7b 4c 1b 08 15 44|04 0g",
    "q": "~44 75 88 7b 4c 1b 08 15 44|84 8g", "r": "04 0c|~08 15 34 54", "s": "~65 34 06 38 6a 3c 0b",
    "t": "21 2a|~2a 3c 5c|04 54", "u": "04 08|~08 1b 3c 6b 78|74 7c", "v": "04 4c 84", "w": "04 3c 64 9c c4",
    "x": "04 7c|74 0c", "y": "04 4c|84 2g", "z": "04 74 0c 7c",
    "A": "0c 50 ac|28 88", "B": "40 00 0c 4c|~40 61 73 65 46|06 46|~46 77 89 7b 4c", "C": "~92 50 22 06 2a 5c 9a",
    "D": "30 00 0c 3c|~30 72 96 7a 3c", "E": "80 00 0c 8c|06 66", "F": "80 00 0c|06 66",
    "G": "~92 50 22 06 2a 5c 9a|9a 97 67", "H": "00 0c|90 9c|06 96", "I": "10 1c", "J": "60 69|~69 4c 1b 09",
    "K": "00 0c|80 07|34 8c", "L": "00 0c 7c", "M": "0c 00 58 a0 ac", "N": "0c 00 9c 90",
    "O": "~50 82 a6 8a 5c 2a 06 22 50", "P": "0c 00 50|~50 71 83 75 56|06 56", "Q": "~50 82 a6 8a 5c 2a 06 22 50|79 ac",
    "R": "0c 00 50|~50 71 83 75 56|06 56|46 8c", "S": "~72 40 13 46 79 4c 0a", "T": "00 80|40 4c",
    "U": "00 08|~08 1b 4c 7b 88|88 80", "V": "00 5c a0", "W": "00 3c 60 9c c0", "X": "00 8c|80 0c",
    "Y": "00 46 80|46 4c", "Z": "00 80 0c 8c",
    "0": "~40 72 86 7a 4c 1a 06 12 40", "1": "13 40 4c", "2": "~03 11 40 71 83 66 0c|0c 8c",
    "3": "~02 40 71 73 56 36|~36 67 89 7b 4c 0a", "4": "6c 60 08 88", "5": "70 10 05|~05 44 75 88 7b 4c 0a",
    "6": "~71 40 13 08 1b 4c 7b 88 75 44 16 08", "7": "00 80 3c", "8": "~40 73 46 13 40|~46 89 4c 09 46",
    "9": "~1b 4c 79 84 71 40 11 04 17 48 76 84",
    ".": "1c 1c", ",": "1b 1c 0e", ":": "15 15|1c 1c", "/": "60 0d", "%": "80 0c|~20 42 24 02 20|~68 8a 6c 4a 68",
    "(": "~30 13 19 3d", ")": "~00 23 29 0d", "[": "30 10 1e 3e", "]": "00 20 2e 0e", "-": "18 58", "+": "18 78|45 4b",
    "_": "0d 8d", "=": "16 76|1a 7a", "<": "74 18 7c", ">": "14 78 1c", "'": "10 13",
  ]
}

extension Character {
  fileprivate var base36: Int? { Int(String(self), radix: 36) }
}
