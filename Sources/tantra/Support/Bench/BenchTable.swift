/// A report as text.
struct BenchTable {
  let report: BenchReport

  var text: String {
    let measured = report.lines.filter { $0.figures != nil }
    var blocks = [
      "\(Console.size(report.modelBytes)) in \(report.tensors) tensors, \(report.rounds) rounds; ratios are medians, with the "
        + "smallest and the largest",
      report.environment.text, "",
      Console.table(
        ["LINE", "NATIVE", "MOUNT", "RATIO", "RANGE", "WANTED", "", "WHAT"], measured.map(row)),
    ]
    if report.environment.memoryBytes / 3 < report.modelBytes {
      blocks.insert(
        "memory holds less than three such models: what should be in memory may have come from the disk", at: 2)
    }
    let broken = measured.filter { $0.figures?.parts.isEmpty == false }
    if !broken.isEmpty { blocks.append("") }
    for line in broken { blocks.append("\(line.name): \(parts(of: line))") }
    for line in report.lines {
      if let reason = line.reason { blocks.append("\(line.name): \(line.outcome.rawValue): \(reason)") }
    }
    return blocks.joined(separator: "\n")
  }

  private func row(_ line: BenchReport.Line) -> [String] {
    let figures = line.figures
    func figure(_ summary: Summary?) -> String { summary.map { Self.text($0.median, line.unit) } ?? "-" }
    let outcome: String =
      switch line.outcome {
      case .met: "ok"
      case .missed: "MISSED"
      default: ""
      }
    return [
      line.name, figure(figures?.native), figure(figures?.mount), figures?.ratio.map { Self.ratio($0.median) } ?? "-",
      figures?.ratio.map { "\(Self.ratio($0.smallest))-\(Self.ratio($0.largest))" } ?? "-", wanted(line), outcome,
      line.title,
    ]
  }

  private func wanted(_ line: BenchReport.Line) -> String {
    guard let wanted = line.wanted else { return "-" }
    let value = line.figures?.ratio == nil ? Self.text(wanted.value, line.unit) : Self.ratio(wanted.value)
    return (wanted.direction == .atLeast ? ">= " : "<= ") + value
  }

  private func parts(of line: BenchReport.Line) -> String {
    (line.figures?.parts ?? [:]).sorted { $0.key < $1.key }.map { name, value in
      if name.hasSuffix(" seconds") { return "\(name.dropLast(8)) \(Self.rounded(value, 3)) s" }
      if name.hasSuffix(" bytes") { return "\(name.dropLast(6)) \(Console.size(Int(value)))" }
      return "\(name) \(Self.rounded(value, 2))"
    }.joined(separator: ", ")
  }

  /// Two digits after the point.
  static func ratio(_ value: Double) -> String { rounded(value, value < 100 ? 2 : 0) }

  private static func text(_ value: Double, _ unit: BenchLine.Unit) -> String {
    switch unit {
    case .bytesPerSecond: "\(rounded(value / 1e9, 2)) GB/s"
    case .operationsPerSecond: "\(Console.grouped(Int(value)))/s"
    case .bytes: "\(rounded(value / 1e6, 1)) MB"
    }
  }

  /// Exactly `digits` digits after the point.
  private static func rounded(_ value: Double, _ digits: Int) -> String {
    let factor = (0..<digits).reduce(1) { factor, _ in factor * 10 }
    let scaled = Int(min(1e15, max(-1e15, value * Double(factor))).rounded())
    guard digits > 0 else { return "\(scaled)" }
    let fraction = String(abs(scaled) % factor)
    return (scaled < 0 ? "-" : "") + "\(abs(scaled) / factor)."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
