/// The part of a page that becomes a line's image: the ink's box, and paper around it.
struct LineCut {
  private let box: PixelBox
  private let rows: Int
  private let margin: Int
  /// Page pixels for each row of the image.
  private let scale: Double
  private let top: Double
  private let columns: Int

  /// The most columns of a line's image.
  private static let columnLimit = 1 << 15

  /// - Parameters:
  ///   - usualHeight: of lines on the page: one without ascenders must not be blown up.
  ///   - rows: of the line's image.
  ///   - margin: columns of paper at each end.
  init(_ box: PixelBox, usualHeight: Int, rows: Int, margin: Int) {
    self.box = box
    self.rows = rows
    self.margin = margin
    let high = max(Double(box.height), 0.85 * Double(min(usualHeight, 3 * box.height)))
    let tall = high * 1.12
    top = Double(box.top) + Double(box.height) / 2 - tall / 2
    let needed = Double(rows) / tall
    columns = max(8, min(Self.columnLimit, Int((Double(box.width) * needed).rounded())) + 2 * margin + 3) / 4 * 4
    scale = tall / Double(rows)
  }

  /// The page's column that a column of the image shows.
  func column(_ column: Double) -> Int {
    Int((Double(box.left) + (column - Double(margin)) * Double(box.width) / inside).rounded())
  }

  /// Columns of the image between the margins.
  private var inside: Double { Double(columns - 2 * margin) }

  /// The line's image, from a page of ink.
  func line(of page: RasterImage) -> LineImage {
    // Only the line's own ink: what stands above and below it is paper.
    var own: [UInt8] = []
    own.reserveCapacity(box.width * box.height)
    for row in box.top..<box.bottom {
      own += page.values[row * page.width + box.left..<row * page.width + box.right]
    }
    let pad = 1 + Int((scale * 2).rounded(.up))
    let (above, below) = (pad + max(0, Int(Double(box.top) - top)), pad + max(0, Int(Double(box.top) - top) + 1))
    let side = pad + Int((Double(margin) * Double(box.width) / inside).rounded(.up))
    let width = box.width + 2 * side
    var values = [UInt8](repeating: 0, count: width * (box.height + above + below))
    for row in 0..<box.height {
      let start = (above + row) * width + side
      values.replaceSubrange(start..<start + box.width, with: own[row * box.width..<(row + 1) * box.width])
    }
    let step = Double(box.width) / inside
    let scaled = Resampling.scaled(
      RasterImage(width: width, height: box.height + above + below, channels: 1, values: values),
      box: Resampling.Box(
        left: Double(side) - Double(margin) * step, top: Double(above) + top - Double(box.top),
        width: Double(columns) * step, height: scale * Double(rows)),
      columns: columns, rows: rows)
    return LineImage(width: columns, height: rows, values: scaled.map { $0 / 255 })
  }
}
