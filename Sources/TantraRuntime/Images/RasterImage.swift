/// Pixels in memory, row by row, of 1 channel (grey) or 3 (red, green, blue); 0 is dark.
package struct RasterImage: Sendable, Hashable {
  /// Columns, at least 1.
  package let width: Int
  /// Rows, at least 1.
  package let height: Int
  /// 1 or 3.
  package let channels: Int
  /// (height, width, channels).
  package var values: [UInt8]

  /// - Precondition: as many values as the size says.
  package init(width: Int, height: Int, channels: Int, values: [UInt8]) {
    precondition(width > 0 && height > 0 && values.count == width * height * channels)
    self.width = width
    self.height = height
    self.channels = channels
    self.values = values
  }

  /// The image as a square of `side` pixels: scaled with its proportions, and what is left filled with its border's colour.
  package func fitted(side: Int) -> RasterImage {
    guard width != side || height != side else { return self }
    let scale = Double(side) / Double(max(width, height))
    let (columns, rows) = (
      min(side, max(1, Int((Double(width) * scale).rounded()))),
      min(side, max(1, Int((Double(height) * scale).rounded())))
    )
    let scaled = Resampling.scaled(
      self, box: Resampling.Box(left: 0, top: 0, width: Double(width), height: Double(height)),
      columns: columns, rows: rows)
    let border = borderColor
    var square = [UInt8]()
    square.reserveCapacity(side * side * channels)
    for _ in 0..<side * side { square += border }
    let (left, top) = ((side - columns) / 2, (side - rows) / 2)
    for row in 0..<rows {
      for index in 0..<columns * channels {
        let value = scaled[row * columns * channels + index].rounded()
        square[((top + row) * side + left) * channels + index] = UInt8(max(0, min(255, value)))
      }
    }
    return RasterImage(width: side, height: side, channels: channels, values: square)
  }

  /// The image at half its size: means of four pixels. A last odd row or column is left out.
  var halved: RasterImage {
    let (columns, rows) = (width / 2, height / 2)
    var halved = [UInt8](repeating: 0, count: columns * rows * channels)
    values.withUnsafeBufferPointer { from in
      halved.withUnsafeMutableBufferPointer { to in
        for row in 0..<rows {
          for column in 0..<columns {
            for channel in 0..<channels {
              let start = (2 * row * width + 2 * column) * channels + channel
              let below = start + width * channels
              let sum = Int(from[start]) + Int(from[start + channels]) + Int(from[below]) + Int(from[below + channels])
              to[(row * columns + column) * channels + channel] = UInt8((sum + 2) / 4)
            }
          }
        }
      }
    }
    return RasterImage(width: columns, height: rows, channels: channels, values: halved)
  }

  /// The mean of the outermost pixels.
  private var borderColor: [UInt8] {
    (0..<channels).map { channel in
      var total = 0
      for column in 0..<width {
        total += Int(values[column * channels + channel])
        total += Int(values[((height - 1) * width + column) * channels + channel])
      }
      for row in 0..<height {
        total += Int(values[row * width * channels + channel])
        total += Int(values[(row * width + width - 1) * channels + channel])
      }
      return UInt8(total / (2 * (width + height)))
    }
  }
}
