/// One line of the table: something that programs do with weights, and what it should cost.
struct BenchLine {
  typealias Wanted = BenchReport.Wanted

  /// Why a line was not measured.
  struct Skipped: Error {
    var reason: String
  }

  /// As `--only` takes it.
  var name: String
  var title: String
  /// What the mount is compared with.
  var against = "native"
  var unit = BenchReport.Unit.bytesPerSecond
  var wanted: Wanted?
  /// - Throws: ``Skipped`` where this machine cannot measure it.
  var measure: (BenchStage) throws -> BenchFigures

  /// Every line, in the order of the table.
  static var catalogue: [BenchLine] {
    readingLines + cachingLines + torchLines + parallelLines + copyingLines + memoryLines + metadataLines
      + compressedLines + comparisonLines
  }
}

extension BenchLine {
  /// A line that measures two ways in turns.
  init(
    _ name: String, _ title: String, against: String = "native", unit: BenchReport.Unit = .bytesPerSecond,
    wanted: Wanted?, pairing: @escaping (BenchStage) throws -> Pairing
  ) {
    self.init(name: name, title: title, against: against, unit: unit, wanted: wanted) {
      try pairing($0).measure(on: $0)
    }
  }
}
