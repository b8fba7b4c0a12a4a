/// One line of the table: something that programs do with weights, and what it should cost.
struct BenchLine {
  /// What a figure counts.
  enum Unit: String, Codable {
    case bytesPerSecond
    case operationsPerSecond
    case bytes
  }

  /// The figure to reach: of the ratio, or of what was measured where there is none.
  struct Wanted: Codable {
    enum Direction: String, Codable { case atLeast, atMost }
    var direction: Direction
    var value: Double

    static func atLeast(_ value: Double) -> Wanted { Wanted(direction: .atLeast, value: value) }
    static func atMost(_ value: Double) -> Wanted { Wanted(direction: .atMost, value: value) }

    func isMet(by figure: Double) -> Bool {
      direction == .atLeast ? figure >= value : figure <= value
    }
  }

  /// As `--only` takes it.
  var name: String
  var title: String
  /// What the mount is compared with.
  var against = "native"
  var unit = Unit.bytesPerSecond
  var wanted: Wanted?
  /// - Throws: ``Skipped`` where this machine cannot measure it.
  var measure: (BenchStage) throws -> Figures

  /// Why a line was not measured.
  struct Skipped: Error {
    var reason: String
  }

  /// What was measured.
  struct Figures: Codable {
    /// One native operation and one through the mount, one after the other.
    struct Round: Codable {
      var native: Double
      var mount: Double
      var ratio: Double
      /// Which of the two came first.
      var mountFirst: Bool
    }

    /// The mount's figure divided by the native one, round by round.
    var ratio: Summary?
    var native: Summary?
    var mount: Summary?
    var rounds: [Round] = []
    /// Parts of the whole, or figures that explain it: medians, each in the unit that its name ends with.
    var parts: [String: Double] = [:]
    var note: String?
  }

  /// Every line, in the order of the table.
  static var catalogue: [BenchLine] {
    readingLines + cachingLines + torchLines + parallelLines + copyingLines + memoryLines + metadataLines
      + comparisonLines
  }
}
