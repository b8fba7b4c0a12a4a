import Tensors

/// The ratios of a report as bars, with whiskers from the smallest to the largest.
package struct RatioChart {
  private typealias Line = BenchReport.Line

  private enum Palette {
    static let ink = Canvas.Color(0x1F2933)
    static let faint = Canvas.Color(0x6B7785)
    static let grid = Canvas.Color(0xE3E7EB)
    static let met = Canvas.Color(0x3D8B7D)
    static let missed = Canvas.Color(0xD98032)
    static let neutral = Canvas.Color(0x8FA1B3)
    static let wanted = Canvas.Color(0xB3261E)
  }

  private static let width = 1240.0
  private static let labelWidth = 452.0
  private static let plotWidth = 590.0
  private static let rowHeight = 27.0
  private static let top = 112.0
  private static let largestRatio = 1.5

  private let report: BenchReport
  private let lines: [Line]

  package init(_ report: BenchReport) {
    self.report = report
    lines = report.lines.filter { $0.figures?.ratio != nil }
  }

  /// The chart as the bytes of a PNG file.
  package var png: [UInt8] {
    let bottom = Self.top + Double(max(1, lines.count)) * Self.rowHeight
    var canvas = Canvas(width: Self.width, height: bottom + 84)
    drawTitle(on: &canvas)
    drawGrid(on: &canvas, bottom: bottom)
    for (index, line) in lines.enumerated() {
      draw(line, on: &canvas, y: Self.top + Double(index) * Self.rowHeight)
    }
    drawLegend(on: &canvas, y: bottom + 56)
    return canvas.png
  }

  private func x(_ ratio: Double) -> Double {
    Self.labelWidth + min(ratio, Self.largestRatio) / Self.largestRatio * Self.plotWidth
  }

  private func drawTitle(on canvas: inout Canvas) {
    canvas.text(
      "Speed through the mount, divided by that of plain files", x: 24, y: 40, size: 15, Palette.ink, isBold: true)
    let environment = report.environment
    let subtitle =
      "model of \(ByteCount(bytes: report.modelBytes)), medians of \(report.rounds) rounds, Linux \(environment.kernel), "
      + "\(environment.cores) cores, \(environment.fileSystem)"
    canvas.text(subtitle, x: 24, y: 64, size: 9, Palette.faint)
  }

  private func drawGrid(on canvas: inout Canvas, bottom: Double) {
    for step in 0...6 {
      let ratio = Double(step) / 4
      canvas.line(from: (x(ratio), Self.top - 6), to: (x(ratio), bottom + 2), width: 1, Palette.grid)
      let label = ["0", "0.25", "0.5", "0.75", "1.0", "1.25", "1.5"][step]
      canvas.text(
        label, x: x(ratio), y: bottom + 20, size: 8.5, ratio == 1 ? Palette.ink : Palette.faint, alignment: .center,
        isBold: ratio == 1)
    }
    canvas.line(from: (x(1), Self.top - 6), to: (x(1), bottom + 2), width: 1.6, Palette.ink)
    canvas.text("native", x: x(1), y: Self.top - 13, size: 8.5, Palette.ink, alignment: .center)
  }

  private func draw(_ line: Line, on canvas: inout Canvas, y: Double) {
    guard let ratio = line.figures?.ratio else { return }
    let middle = y + Self.rowHeight / 2
    let title = line.title + (line.unit == .bytes ? " (less is better)" : "")
    canvas.text(title, x: Self.labelWidth - 12, y: middle + 4.5, size: 9, Palette.ink, alignment: .right)
    let color: Canvas.Color =
      switch line.outcome {
      case .met: Palette.met
      case .missed: Palette.missed
      default: Palette.neutral
      }
    canvas.fill(x: x(0), y: y + 5, width: x(ratio.median) - x(0), height: Self.rowHeight - 10, color)
    if ratio.median > Self.largestRatio { drawBreak(on: &canvas, y: y) }
    drawWhisker(ratio, on: &canvas, y: middle)
    if let wanted = line.wanted?.value, wanted != 1 {
      canvas.line(from: (x(wanted), y + 3), to: (x(wanted), y + Self.rowHeight - 3), width: 2, Palette.wanted)
    }
    let text = FixedPoint.ratio(ratio.median)
    let valueX = x(Self.largestRatio) + 14
    canvas.text(text, x: valueX, y: middle + 4.5, size: 9, Palette.ink, isBold: true)
    canvas.text(
      "\(FixedPoint.ratio(ratio.smallest)) - \(FixedPoint.ratio(ratio.largest))", x: valueX + 62, y: middle + 4.5,
      size: 8.5, Palette.faint)
  }

  /// Two white strokes through a bar that ends outside of the chart.
  private func drawBreak(on canvas: inout Canvas, y: Double) {
    for offset in [16.0, 22.0] {
      let center = x(Self.largestRatio) - offset
      canvas.line(
        from: (center - 3, y + Self.rowHeight - 4), to: (center + 3, y + 4), width: 2.4, Canvas.Color(0xFFFFFF))
    }
  }

  private func drawWhisker(_ ratio: Summary, on canvas: inout Canvas, y: Double) {
    guard ratio.smallest < Self.largestRatio else { return }
    let (left, right) = (x(ratio.smallest), x(ratio.largest))
    canvas.line(from: (left, y), to: (right, y), width: 1.4, Palette.ink)
    for (end, value) in [(left, ratio.smallest), (right, ratio.largest)] where value < Self.largestRatio {
      canvas.line(from: (end, y - 4), to: (end, y + 4), width: 1.4, Palette.ink)
    }
  }

  private func drawLegend(on canvas: inout Canvas, y: Double) {
    var position = Self.labelWidth
    func label(_ text: String) {
      canvas.text(text, x: position + 20, y: y + 4, size: 8.5, Palette.faint)
      position += 20 + Canvas.width(of: text, size: 8.5) + 26
    }
    for (color, text) in [(Palette.met, "as wanted"), (Palette.missed, "missed"), (Palette.neutral, "nothing wanted")] {
      canvas.fill(x: position, y: y - 6, width: 13, height: 11, color)
      label(text)
    }
    canvas.line(from: (position + 6, y - 7), to: (position + 6, y + 6), width: 2, Palette.wanted)
    label("wanted")
    canvas.line(from: (position, y), to: (position + 13, y), width: 1.4, Palette.ink)
    label("smallest to largest")
  }
}
