import Glibc

/// The ink of a page: 255 where it is darkest and 0 where there is paper, whichever of the two is bright.
struct PageInk {
  /// The ink, as large as the page.
  let image: RasterImage
  /// How much paper varies: the deviation of its pixels, as a share of ink.
  private let noise: Float
  /// From this value on a pixel counts as ink.
  static let threshold: UInt8 = 110
  /// As ``threshold``, of the mean of nine pixels, which noise reaches less often.
  private static let meanThreshold = 80
  /// Paper that varies more is looked at through the mean of nine pixels.
  private static let quietNoise: Float = 0.1
  /// And that more, through the mean of such means.
  private static let loudNoise: Float = 0.18
  /// Ink and paper that differ by less, of 255, are no text.
  private static let leastContrast = 16.0
  /// Pixels along a side of the squares whose median is the paper there.
  private static let tile = 64

  /// Nil if the page is blank.
  init?(_ page: RasterImage) {
    precondition(page.channels == 1)
    guard let levels = Self.levels(of: page) else { return nil }
    let isDark = levels.paper < levels.ink
    let paper = PaperMap(page, tile: Self.tile)
    // Differences from the paper, ink positive.
    var histogram = [Int](repeating: 0, count: 256)
    var differences = [UInt8](repeating: 0, count: page.values.count)
    var away = [Int](repeating: 0, count: 256)
    page.values.withUnsafeBufferPointer { from in
      differences.withUnsafeMutableBufferPointer { to in
        for row in 0..<page.height {
          let line = paper.row(row)
          for column in 0..<page.width {
            let index = row * page.width + column
            let difference = (Int(line[column]) - Int(from[index])) * (isDark ? -1 : 1)
            away[min(255, abs(difference))] += 1
            to[index] = UInt8(max(0, min(255, difference)))
            histogram[Int(to[index])] += 1
          }
        }
      }
    }
    let least = Int(abs(levels.paper - levels.ink) / 2)
    let full = Self.quantile(histogram, from: least, share: 0.7)
    guard full >= Int(Self.leastContrast) else { return nil }
    noise = 1.4826 * Float(Self.quantile(away, from: 0, share: 0.5)) / Float(full)
    let table = (0..<256).map { UInt8(min(255, 255 * $0 / full)) }
    image = RasterImage(
      width: page.width, height: page.height, channels: 1, values: differences.map { table[Int($0)] })
  }

  private init(image: RasterImage, noise: Float) {
    self.image = image
    self.noise = noise
  }

  /// The usual values of paper, which covers more of the page, and of ink: the means of what Otsu's threshold (1979) parts.
  private static func levels(of page: RasterImage) -> (paper: Double, ink: Double)? {
    var histogram = [Double](repeating: 0, count: 256)
    page.values.withUnsafeBufferPointer { for value in $0 { histogram[Int(value)] += 1 } }
    let count = Double(page.values.count)
    let sum = histogram.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
    var (best, dark, bright, darkCount) = (-1.0, 0.0, 0.0, 0.0)
    var (below, belowSum) = (0.0, 0.0)
    for value in 0..<255 {
      below += histogram[value]
      belowSum += Double(value) * histogram[value]
      guard below > 0, below < count else { continue }
      let (left, right) = (belowSum / below, (sum - belowSum) / (count - below))
      let between = below * (count - below) * (left - right) * (left - right)
      if between > best { (best, dark, bright, darkCount) = (between, left, right, below) }
    }
    guard best >= 0, bright - dark >= leastContrast else { return nil }
    return darkCount > count / 2 ? (dark, bright) : (bright, dark)
  }

  /// The value that `share` of the pixels from `from` on do not go beyond.
  private static func quantile(_ histogram: [Int], from: Int, share: Double) -> Int {
    let total = histogram[from...].reduce(0, +)
    var passed = 0
    for value in from..<histogram.count {
      passed += histogram[value]
      if Double(passed) >= share * Double(total) { return value }
    }
    return from
  }

  /// Whether paper varies so much that some of its pixels look like ink.
  var isNoisy: Bool { noise > Self.quietNoise }

  /// Which pixels are ink, without those that stand alone: 1 or 0.
  var mask: [UInt8] {
    if isNoisy {
      let seen = noise > Self.loudNoise ? PageInk(image: smoothed, noise: 0) : self
      return seen.neighbourhoods({ Int($0) }, isInk: { _, sum in sum >= 9 * Self.meanThreshold })
    }
    return neighbourhoods({ $0 >= Self.threshold ? 1 : 0 }, isInk: { centre, sum in centre == 1 && sum > 2 })
  }

  /// Each pixel as the mean of the nine around it.
  private var smoothed: RasterImage {
    let (width, height) = (image.width, image.height)
    var means = image.values
    image.values.withUnsafeBufferPointer { from in
      for row in 1..<max(1, height - 1) {
        for column in 1..<max(1, width - 1) {
          var sum = 0
          for y in row - 1...row + 1 {
            let start = y * width + column
            sum += Int(from[start - 1]) + Int(from[start]) + Int(from[start + 1])
          }
          means[row * width + column] = UInt8(sum / 9)
        }
      }
    }
    return RasterImage(width: width, height: height, channels: 1, values: means)
  }

  /// For each pixel whether it is ink, by its own value and the sum of the nine around it.
  private func neighbourhoods(
    _ value: (UInt8) -> Int, isInk: (_ centre: Int, _ sum: Int) -> Bool
  ) -> [UInt8] {
    let (width, height) = (image.width, image.height)
    var mask = [UInt8](repeating: 0, count: width * height)
    // Sums of three rows, column by column, and a column of zeros at both ends.
    var sums = [Int](repeating: 0, count: width + 2)
    image.values.withUnsafeBufferPointer { values in
      mask.withUnsafeMutableBufferPointer { mask in
        sums.withUnsafeMutableBufferPointer { sums in
          for row in 0..<height {
            for column in 0..<width {
              var sum = value(values[row * width + column])
              if row > 0 { sum += value(values[(row - 1) * width + column]) }
              if row + 1 < height { sum += value(values[(row + 1) * width + column]) }
              sums[column + 1] = sum
            }
            for column in 0..<width {
              let sum = sums[column] + sums[column + 1] + sums[column + 2]
              if isInk(value(values[row * width + column]), sum) { mask[row * width + column] = 1 }
            }
          }
        }
      }
    }
    return mask
  }

  /// The same page with its lines level, if they rise or fall by up to 3 degrees.
  func levelled() -> PageInk {
    let slope = slope()
    guard abs(slope) > 0.002 else { return self }
    let (width, height) = (image.width, image.height)
    var values = [UInt8](repeating: 0, count: width * height)
    image.values.withUnsafeBufferPointer { from in
      values.withUnsafeMutableBufferPointer { to in
        for column in 0..<width {
          let shift = (Double(column) - Double(width) / 2) * slope
          let whole = Int(shift.rounded(.down))
          let part = Float(shift - Double(whole))
          for row in 0..<height {
            let (upper, lower) = (row + whole, row + whole + 1)
            let a = (0..<height).contains(upper) ? Float(from[upper * width + column]) : 0
            let b = (0..<height).contains(lower) ? Float(from[lower * width + column]) : 0
            to[row * width + column] = UInt8((a + (b - a) * part).rounded())
          }
        }
      }
    }
    return PageInk(image: RasterImage(width: width, height: height, channels: 1, values: values), noise: noise)
  }

  /// By how many pixels lines fall for each pixel to the right: the slope along which the ink of rows differs most from that
  /// of their neighbours.
  private func slope() -> Double {
    let mask = mask
    let (width, height) = (image.width, image.height)
    // Columns are taken together: finer than that a slope of 3 degrees moves nothing.
    let step = max(8, width / 256)
    let strips = (width + step - 1) / step
    var ink = [Int32](repeating: 0, count: strips * height)
    for row in 0..<height {
      for column in 0..<width { ink[column / step * height + row] += Int32(mask[row * width + column]) }
    }
    func sharpness(_ slope: Double) -> Double {
      var profile = [Int32](repeating: 0, count: height)
      for strip in 0..<strips {
        let middle = min(Double(width), (Double(strip) + 0.5) * Double(step))
        let shift = Int(((middle - Double(width) / 2) * slope).rounded())
        for row in max(0, -shift)..<max(max(0, -shift), min(height, height - shift)) {
          profile[row] += ink[strip * height + row + shift]
        }
      }
      var total = 0.0
      for row in 1..<max(2, height) where row < height {
        let difference = Double(profile[row] - profile[row - 1])
        total += difference * difference
      }
      return total
    }
    let level = sharpness(0)
    var best = (slope: 0.0, sharpness: level)
    for degrees in stride(from: -3.0, through: 3.0, by: 0.25) {
      let slope = tan(degrees * .pi / 180)
      let found = sharpness(slope)
      if found > best.sharpness { best = (slope, found) }
    }
    for degrees in stride(from: -0.2, through: 0.2, by: 0.05) {
      let slope = best.slope + tan(degrees * .pi / 180)
      let found = sharpness(slope)
      if found > best.sharpness { best = (slope, found) }
    }
    // A little better is chance: a level page must not be touched.
    return best.sharpness > 1.1 * level ? best.slope : 0
  }
}
