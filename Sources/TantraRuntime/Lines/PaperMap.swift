/// How bright the paper of a page is at each place: medians of tiles, and between their middles what lies between.
struct PaperMap {
  private let tile: Int
  private let width: Int
  private let height: Int
  private let columns: Int
  private let rows: Int
  /// (rows, columns).
  private let medians: [Float]

  /// - Parameter tile: pixels along a side of a tile; the last of a row or column may be up to twice as large.
  init(_ page: RasterImage, tile: Int) {
    self.tile = tile
    width = page.width
    height = page.height
    columns = max(1, page.width / tile)
    rows = max(1, page.height / tile)
    var medians: [Float] = []
    for row in 0..<rows {
      let bottom = row == rows - 1 ? height : (row + 1) * tile
      for column in 0..<columns {
        let right = column == columns - 1 ? width : (column + 1) * tile
        var histogram = [Int](repeating: 0, count: 256)
        page.values.withUnsafeBufferPointer { values in
          for y in row * tile..<bottom {
            for x in column * tile..<right { histogram[Int(values[y * page.width + x])] += 1 }
          }
        }
        let half = (bottom - row * tile) * (right - column * tile) / 2
        var (passed, median) = (0, 0)
        while median < 255, passed + histogram[median] <= half {
          passed += histogram[median]
          median += 1
        }
        medians.append(Float(median))
      }
    }
    self.medians = medians
  }

  /// The paper along a row of pixels.
  func row(_ row: Int) -> [Float] {
    let (upper, lower, down) = place(row, rows)
    var line = [Float](repeating: 0, count: width)
    line.withUnsafeMutableBufferPointer { line in
      for column in 0..<width {
        let (left, right, across) = place(column, columns)
        let above = medians[upper * columns + left] * (1 - across) + medians[upper * columns + right] * across
        let below = medians[lower * columns + left] * (1 - across) + medians[lower * columns + right] * across
        line[column] = (above * (1 - down) + below * down).rounded()
      }
    }
    return line
  }

  /// The tiles whose middles a pixel lies between, and how near it is to the second.
  private func place(_ pixel: Int, _ count: Int) -> (Int, Int, Float) {
    let at = max(0, min(Float(count - 1), (Float(pixel) + 0.5) / Float(tile) - 0.5))
    let first = Int(at)
    return (first, min(count - 1, first + 1), at - Float(first))
  }
}
