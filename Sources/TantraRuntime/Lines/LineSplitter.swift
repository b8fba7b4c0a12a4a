/// Finds the lines of a page, in the order in which they are read: columns from left to right, each from top to bottom.
///
/// Rows without ink part lines. Three lines or more that share a wide gap at the same place are columns; so a table is read
/// column by column.
struct LineSplitter {
  private let mask: [UInt8]
  private let width: Int
  private let height: Int
  /// How high a line's ink usually is.
  private(set) var lineHeight = 0

  /// Gaps at least so many line heights wide part columns.
  private static let columnGap = 1.3
  /// The fewest lines that make columns.
  private static let columnLines = 3

  /// - Parameter mask: 1 for ink, (height, width).
  init(mask: [UInt8], width: Int, height: Int) {
    self.mask = mask
    self.width = width
    self.height = height
    lineHeight = usualHeight()
  }

  /// The boxes of the lines' ink.
  func lines() -> [PixelBox] {
    guard lineHeight > 0 else { return [] }
    return lines(in: PixelBox(left: 0, top: 0, width: width, height: height), depth: 0)
      .filter { !isRule($0) && $0.height >= 3 && 5 * $0.height >= lineHeight }
  }

  /// Bars, and frames of which only a bar is left, are no text.
  private func isRule(_ box: PixelBox) -> Bool {
    guard box.width > 20 * box.height, 3 * box.height < lineHeight else { return false }
    return columns(of: box).filter { $0 > 0 }.count * 20 > 19 * box.width
  }

  // MARK: Profiles

  /// Ink in each row of a box.
  private func rows(of box: PixelBox) -> [Int] {
    mask.withUnsafeBufferPointer { mask in
      (box.top..<box.bottom).map { row in
        var total = 0
        for column in box.left..<box.right { total += Int(mask[row * width + column]) }
        return total
      }
    }
  }

  /// Ink in each column of a box.
  private func columns(of box: PixelBox) -> [Int] {
    var totals = [Int](repeating: 0, count: box.width)
    mask.withUnsafeBufferPointer { mask in
      for row in box.top..<box.bottom {
        for column in 0..<box.width { totals[column] += Int(mask[row * width + box.left + column]) }
      }
    }
    return totals
  }

  /// The stretches of a profile that are not zero.
  private static func runs(_ profile: [Int]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var start: Int?
    for index in 0...profile.count {
      if index < profile.count, profile[index] > 0 {
        start = start ?? index
      } else if let first = start {
        runs.append(first..<index)
        start = nil
      }
    }
    return runs
  }

  /// The box without the paper around its ink; nil if there is no ink.
  private func trimmed(_ box: PixelBox) -> PixelBox? {
    guard box.width > 0, box.height > 0 else { return nil }
    let (down, across) = (rows(of: box), columns(of: box))
    guard let top = down.firstIndex(where: { $0 > 0 }), let bottom = down.lastIndex(where: { $0 > 0 }),
      let left = across.firstIndex(where: { $0 > 0 }), let right = across.lastIndex(where: { $0 > 0 })
    else { return nil }
    return PixelBox(
      left: box.left + left, top: box.top + top, width: right - left + 1, height: bottom - top + 1)
  }

  /// The median height of stretches of ink in narrow strips of the page, each counted as often as it is high.
  private func usualHeight() -> Int {
    let strips = max(1, min(16, width / 48))
    var heights: [Int] = []
    for strip in 0..<strips {
      let (left, right) = (width * strip / strips, width * (strip + 1) / strips)
      let box = PixelBox(left: left, top: 0, width: right - left, height: height)
      heights += Self.runs(rows(of: box)).map(\.count).filter { $0 >= 4 }
    }
    heights.sort()
    let total = heights.reduce(0, +)
    var passed = 0
    for height in heights {
      passed += height
      if 2 * passed >= total { return height }
    }
    return heights.last ?? 0
  }

  // MARK: Cutting

  private func lines(in region: PixelBox, depth: Int) -> [PixelBox] {
    guard let region = trimmed(region) else { return [] }
    let bands = bands(of: region)
    guard bands.count > 1 else {
      // Columns whose lines stand at different heights leave no row without ink.
      if region.height > 2 * lineHeight, depth < 8, let cut = widestGap(of: region, least: Self.columnGap) {
        return halves(of: region, at: cut).flatMap { lines(in: $0, depth: depth + 1) }
      }
      return depth < 8 ? parts(of: region) : [region]
    }
    var found: [PixelBox] = []
    var index = 0
    while index < bands.count {
      let group = group(bands, from: index)
      if group.count >= Self.columnLines, depth < 8, let cut = group.cut {
        let block = bands[index..<index + group.count].reduce(bands[index]) { $0.union($1) }
        for half in halves(of: block, at: cut) { found += lines(in: half, depth: depth + 1) }
        index += group.count
      } else {
        found += lines(in: bands[index], depth: depth + 1)
        index += 1
      }
    }
    return found
  }

  private func halves(of box: PixelBox, at cut: Int) -> [PixelBox] {
    [
      PixelBox(left: box.left, top: box.top, width: cut - box.left, height: box.height),
      PixelBox(left: cut, top: box.top, width: box.right - cut, height: box.height),
    ]
  }

  /// The region's bands of ink from top to bottom; dots and accents belong to the nearest.
  private func bands(of region: PixelBox) -> [PixelBox] {
    var bands = Self.runs(rows(of: region)).compactMap {
      trimmed(PixelBox(left: region.left, top: region.top + $0.lowerBound, width: region.width, height: $0.count))
    }
    var index = 0
    while index < bands.count, bands.count > 1 {
      let above = index > 0 ? bands[index].top - bands[index - 1].bottom : Int.max
      let below = index + 1 < bands.count ? bands[index + 1].top - bands[index].bottom : Int.max
      let nearest = min(above, below)
      guard 10 * bands[index].height < 4 * lineHeight, 10 * nearest <= 4 * lineHeight else {
        index += 1
        continue
      }
      let other = above <= below ? index - 1 : index + 1
      bands[min(index, other)] = bands[index].union(bands[other])
      bands.remove(at: max(index, other))
      index = max(0, min(index, other) - 1)
    }
    return bands
  }

  /// How many bands from `first` on share a wide gap, and its middle.
  private func group(_ bands: [PixelBox], from first: Int) -> (count: Int, cut: Int?) {
    let least = Int(Self.columnGap * Double(lineHeight))
    var shared = gaps(of: bands[first])
    guard !shared.isEmpty else { return (0, nil) }
    var count = 1
    while first + count < bands.count {
      let band = bands[first + count]
      let open = gaps(of: band) + [band.right..<Int.max, Int.min..<band.left]
      let next = shared.flatMap { gap in open.map { gap.clamped(to: $0) } }.filter { $0.count >= least }
      if next.isEmpty { break }
      shared = next
      count += 1
    }
    let widest = shared.max { $0.count < $1.count }
    return (count, widest.map { $0.lowerBound + $0.count / 2 })
  }

  /// Wide gaps between the ink of a band.
  private func gaps(of band: PixelBox) -> [Range<Int>] {
    let least = Int(Self.columnGap * Double(lineHeight))
    let runs = Self.runs(columns(of: band))
    return zip(runs, runs.dropFirst()).map { band.left + $0.upperBound..<band.left + $1.lowerBound }
      .filter { $0.count >= least }
  }

  private func widestGap(of region: PixelBox, least: Double) -> Int? {
    gaps(of: region).max { $0.count < $1.count }.map { $0.lowerBound + $0.count / 2 }
  }

  /// A band much higher than a line holds lines that touch: it is cut where there is least ink.
  private func parts(of region: PixelBox) -> [PixelBox] {
    guard 10 * region.height > 19 * lineHeight, region.width > 4 * lineHeight else { return [region] }
    let profile = rows(of: region)
    let margin = lineHeight * 6 / 10
    guard profile.count > 2 * margin + 1 else { return [region] }
    let candidates = margin..<profile.count - margin
    guard let cut = candidates.min(by: { profile[$0] < profile[$1] }), let most = profile.max(),
      profile[cut] * 4 < most
    else { return [region] }
    let upper = PixelBox(left: region.left, top: region.top, width: region.width, height: cut)
    let lower = PixelBox(
      left: region.left, top: region.top + cut, width: region.width, height: region.height - cut)
    return [upper, lower].compactMap(trimmed).flatMap(parts)
  }
}
