import Glibc

/// Scaling of images by a triangle filter, which is as wide as a pixel of the coarser side: bilinear where images grow, an
/// average where they shrink.
enum Resampling {
  /// A part of an image, in pixels; may end between pixels, and beyond the image, where its outermost pixels go on.
  struct Box {
    var left: Double
    var top: Double
    var width: Double
    var height: Double
  }

  /// What one pixel of the result takes from a line of the source.
  private struct Taps {
    var first: Int
    var weights: [Float]
  }

  /// The part of `image` in `box`, as (rows, columns, channels) between 0 and 255. O(height of the box * width of the
  /// image's part + result * filter).
  static func scaled(_ image: RasterImage, box: Box, columns: Int, rows: Int) -> [Float] {
    let across = taps(from: box.left, length: box.width, count: columns, limit: image.width)
    let down = taps(from: box.top, length: box.height, count: rows, limit: image.height)
    let firstRow = down.map(\.first).min() ?? 0
    let endRow = down.map { $0.first + $0.weights.count }.max() ?? 0
    let channels = image.channels
    let width = columns * channels
    var narrow = [Float](repeating: 0, count: (endRow - firstRow) * width)
    var result = [Float](repeating: 0, count: rows * width)
    image.values.withUnsafeBufferPointer { source in
      narrow.withUnsafeMutableBufferPointer { narrow in
        for row in firstRow..<endRow {
          for (column, tap) in across.enumerated() {
            let start = (row * image.width + tap.first) * channels
            for channel in 0..<channels {
              var total: Float = 0
              for index in tap.weights.indices {
                total += tap.weights[index] * Float(source[start + index * channels + channel])
              }
              narrow[(row - firstRow) * width + column * channels + channel] = total
            }
          }
        }
      }
    }
    narrow.withUnsafeBufferPointer { narrow in
      result.withUnsafeMutableBufferPointer { result in
        for (row, tap) in down.enumerated() {
          for (index, weight) in tap.weights.enumerated() {
            let start = (tap.first + index - firstRow) * width
            for column in 0..<width { result[row * width + column] += weight * narrow[start + column] }
          }
        }
      }
    }
    return result
  }

  private static func taps(from begin: Double, length: Double, count: Int, limit: Int) -> [Taps] {
    let scale = length / Double(count)
    let reach = max(1, scale)
    return (0..<count).map { index in
      let middle = begin + (Double(index) + 0.5) * scale
      let first = max(0, min(limit - 1, Int((middle - reach).rounded(.down))))
      let end = max(first + 1, min(limit, Int((middle + reach).rounded(.up))))
      var weights = (first..<end).map { Float(max(0, 1 - abs((Double($0) + 0.5 - middle) / reach))) }
      let total = weights.reduce(0, +)
      // Beyond the image the nearest pixel goes on.
      if total <= 0 { weights = weights.indices.map { ($0 == 0) == (middle < 0) ? 1 : 0 } }
      let sum = weights.reduce(0, +)
      return Taps(first: first, weights: sum > 0 ? weights.map { $0 / sum } : [1])
    }
  }
}
