import TantraBench

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
      line.name, figure(figures?.native), figure(figures?.mount),
      figures?.ratio.map { FixedPoint.ratio($0.median) } ?? "-",
      figures?.ratio.map { "\(FixedPoint.ratio($0.smallest))-\(FixedPoint.ratio($0.largest))" } ?? "-", wanted(line),
      outcome,
      line.title,
    ]
  }

  private func wanted(_ line: BenchReport.Line) -> String {
    guard let wanted = line.wanted else { return "-" }
    let value = line.figures?.ratio == nil ? Self.text(wanted.value, line.unit) : FixedPoint.ratio(wanted.value)
    return (wanted.direction == .atLeast ? ">= " : "<= ") + value
  }

  private func parts(of line: BenchReport.Line) -> String {
    (line.figures?.parts ?? [:]).sorted { $0.key < $1.key }.map { name, value in
      if name.hasSuffix(" seconds") { return "\(name.dropLast(8)) \(FixedPoint.text(value, 3)) s" }
      if name.hasSuffix(" bytes") { return "\(name.dropLast(6)) \(Console.size(Int(value)))" }
      return "\(name) \(FixedPoint.text(value, 2))"
    }.joined(separator: ", ")
  }

  private static func text(_ value: Double, _ unit: BenchReport.Unit) -> String {
    switch unit {
    case .bytesPerSecond: "\(FixedPoint.text(value / 1e9, 2)) GB/s"
    case .operationsPerSecond: "\(Console.grouped(Int(value)))/s"
    case .bytes: "\(FixedPoint.text(value / 1e6, 1)) MB"
    }
  }
}
