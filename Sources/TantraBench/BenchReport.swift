/// Everything that was measured, and on what.
package struct BenchReport: Codable, Sendable {
  /// What a figure counts.
  package enum Unit: String, Codable, Sendable {
    case bytesPerSecond
    case operationsPerSecond
    case bytes
  }

  /// The figure to reach: of the ratio, or of what was measured where there is none.
  package struct Wanted: Codable, Sendable {
    package enum Direction: String, Codable, Sendable { case atLeast, atMost }
    package var direction: Direction
    package var value: Double

    package static func atLeast(_ value: Double) -> Wanted { Wanted(direction: .atLeast, value: value) }
    package static func atMost(_ value: Double) -> Wanted { Wanted(direction: .atMost, value: value) }

    func isMet(by figure: Double) -> Bool {
      direction == .atLeast ? figure >= value : figure <= value
    }
  }

  /// What came of one line.
  package struct Line: Codable, Sendable {
    package enum Outcome: String, Codable, Sendable {
      /// As wanted.
      case met
      case missed
      /// Measured, with nothing to reach.
      case measured
      case skipped
      case failed
    }

    package var name: String
    package var title: String
    package var against: String
    package var unit: Unit
    package var wanted: Wanted?
    package var outcome: Outcome
    /// Why it was skipped, or how it failed.
    package var reason: String?
    package var figures: BenchFigures?

    /// A line without figures.
    init(_ line: BenchLine, _ outcome: Outcome, reason: String? = nil) {
      name = line.name
      title = line.title
      against = line.against
      unit = line.unit
      wanted = line.wanted
      self.outcome = outcome
      self.reason = reason
    }

    init(_ line: BenchLine, _ figures: BenchFigures) {
      self.init(line, .measured)
      self.figures = figures
      guard let wanted = line.wanted, let figure = (figures.ratio ?? figures.mount)?.median else { return }
      outcome = wanted.isMet(by: figure) ? .met : .missed
    }
  }

  /// The version of the command.
  package var tantra: String
  package var environment: BenchEnvironment
  /// Bytes of the model's safetensors file, and its tensors.
  package var modelBytes: Int
  package var tensors: Int
  package var rounds: Int
  package var lines: [Line]
}
