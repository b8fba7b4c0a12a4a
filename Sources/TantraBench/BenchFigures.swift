/// What was measured for a line.
package struct BenchFigures: Codable, Sendable {
  /// One native operation and one through the mount, one after the other.
  package struct Round: Codable, Sendable {
    package var native: Double
    package var mount: Double
    package var ratio: Double
    /// Which of the two came first.
    package var mountFirst: Bool
  }

  /// The mount's figure divided by the native one, round by round.
  package var ratio: Summary?
  package var native: Summary?
  package var mount: Summary?
  package var rounds: [Round] = []
  /// Parts of the whole, or figures that explain it: medians, each in the unit that its name ends with.
  package var parts: [String: Double] = [:]
  package var note: String?

  /// Figures of lines that are not measured in rounds of two ways.
  package init(ratio: Summary? = nil, native: Summary? = nil, mount: Summary?) {
    self.ratio = ratio
    self.native = native
    self.mount = mount
  }

  /// Figures of two ways that were measured in turns.
  package init(_ rounds: [Round]) {
    self.init(
      ratio: Summary(rounds.map(\.ratio)), native: Summary(rounds.map(\.native)), mount: Summary(rounds.map(\.mount)))
    self.rounds = rounds
  }
}
