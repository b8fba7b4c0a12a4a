/// A map of pixels with channels, and a border of one zero pixel around it: (rows + 2, columns + 2, channels).
struct FeatureMap {
  /// Pixels from top to bottom, without the border.
  let rows: Int
  /// Pixels from left to right, without the border.
  let columns: Int
  /// Numbers of each pixel.
  let channels: Int
  /// All pixels, the border included.
  var values: [Float]

  /// A map of zeros.
  init(rows: Int, columns: Int, channels: Int) {
    self.rows = rows
    self.columns = columns
    self.channels = channels
    values = [Float](repeating: 0, count: (rows + 2) * (columns + 2) * channels)
  }

  /// Where the channels of a pixel inside of the border begin.
  func index(_ row: Int, _ column: Int) -> Int { ((row + 1) * (columns + 2) + column + 1) * channels }

  /// The pixels inside of the border, row by row: (rows * columns, channels).
  var pixels: [Float] {
    var pixels: [Float] = []
    pixels.reserveCapacity(rows * columns * channels)
    for row in 0..<rows { pixels += values[index(row, 0)..<index(row, columns)] }
    return pixels
  }

  /// What stands in each column, from top to bottom: (columns, rows * channels).
  var columnFeatures: [Float] {
    var features: [Float] = []
    features.reserveCapacity(rows * columns * channels)
    for column in 0..<columns {
      for row in 0..<rows { features += values[index(row, column)..<index(row, column) + channels] }
    }
    return features
  }
}
