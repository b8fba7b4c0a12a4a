/// Everything that was measured, and on what.
struct BenchReport: Codable {
  struct Line: Codable {
    enum Outcome: String, Codable {
      /// As wanted.
      case met
      case missed
      /// Measured, with nothing to reach.
      case measured
      case skipped
      case failed
    }

    var name: String
    var title: String
    var against: String
    var unit: BenchLine.Unit
    var wanted: BenchLine.Wanted?
    var outcome: Outcome
    /// Why it was skipped, or how it failed.
    var reason: String?
    var figures: BenchLine.Figures?

    init(_ line: BenchLine, _ result: Result<BenchLine.Figures, BenchLine.Skipped>) {
      self.init(line)
      switch result {
      case .success(let figures):
        self.figures = figures
        guard let wanted = line.wanted, let figure = (figures.ratio ?? figures.mount)?.median else { return }
        outcome = wanted.isMet(by: figure) ? .met : .missed
      case .failure(let skipped):
        outcome = .skipped
        reason = skipped.reason
      }
    }

    init(_ line: BenchLine, failure: String) {
      self.init(line)
      outcome = .failed
      reason = failure
    }

    private init(_ line: BenchLine) {
      name = line.name
      title = line.title
      against = line.against
      unit = line.unit
      wanted = line.wanted
      outcome = .measured
    }
  }

  /// The version of the command.
  var tantra: String
  var environment: BenchEnvironment
  /// Bytes of the model's safetensors file, and its tensors.
  var modelBytes: Int
  var tensors: Int
  var rounds: Int
  var lines: [Line]
}
