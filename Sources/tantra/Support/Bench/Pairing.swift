/// Measures two ways of doing the same in turns, so that what changes on the machine meanwhile hits both.
struct Pairing {
  /// How much was done in how long.
  struct Sample {
    /// Bytes or operations.
    var amount: Double
    var seconds: Double
    var speed: Double { amount / max(seconds, 1e-9) }
  }

  /// One of the two ways.
  struct Way {
    /// Brings caches into the state that the line is about; not measured.
    var prepare: () throws -> Void = {}
    var run: () throws -> Sample
  }

  var native: Way
  var mount: Way

  /// Measures `stage.rounds` pairs; which of the two comes first alternates.
  ///
  /// - Parameter warmup: whether a pair before those is thrown away.
  func measure(on stage: BenchStage, warmup: Bool = true) throws -> BenchLine.Figures {
    if warmup {
      stage.progress.round("warming up")
      _ = try measure(native)
      _ = try measure(mount)
    }
    var rounds: [BenchLine.Figures.Round] = []
    for number in 0..<stage.rounds {
      let mountFirst = number % 2 == 1
      stage.progress.round("round \(number + 1) of \(stage.rounds)")
      var speeds = (native: 0.0, mount: 0.0)
      if mountFirst { speeds.mount = try measure(mount) }
      speeds.native = try measure(native)
      if !mountFirst { speeds.mount = try measure(mount) }
      rounds.append(
        .init(
          native: speeds.native, mount: speeds.mount, ratio: speeds.mount / speeds.native, mountFirst: mountFirst))
    }
    return BenchLine.Figures(
      ratio: Summary(rounds.map(\.ratio)), native: Summary(rounds.map(\.native)),
      mount: Summary(rounds.map(\.mount)), rounds: rounds)
  }

  private func measure(_ way: Way) throws -> Double {
    try Interruption.check()
    try way.prepare()
    try Interruption.check()
    return try way.run().speed
  }

  /// How long `body`, which answers what it did, takes.
  static func timed(_ body: () throws -> Int) rethrows -> Sample {
    let start = ContinuousClock.now
    let amount = try body()
    return Sample(amount: Double(amount), seconds: (ContinuousClock.now - start) / .seconds(1))
  }
}
