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
  /// Whether a pair before those that count is thrown away.
  var warmsUp = true

  /// Measures as many pairs as the stage has rounds; which of the two comes first alternates.
  func measure(on stage: BenchStage) throws -> BenchFigures {
    if warmsUp {
      stage.progress.round("warming up")
      for way in [native, mount] { _ = try speed(of: way, stage.stop) }
    }
    return BenchFigures(
      try (0..<stage.rounds).map { number in
        let mountFirst = number % 2 == 1
        stage.progress.round("round \(number + 1) of \(stage.rounds)")
        let first = try speed(of: mountFirst ? mount : native, stage.stop)
        let second = try speed(of: mountFirst ? native : mount, stage.stop)
        let (native, mount) = mountFirst ? (second, first) : (first, second)
        return .init(native: native, mount: mount, ratio: mount / native, mountFirst: mountFirst)
      })
  }

  private func speed(of way: Way, _ stop: StopCheck) throws -> Double {
    try stop()
    try way.prepare()
    try stop()
    return try way.run().speed
  }

  /// How long `body`, which answers what it did, takes.
  static func timed(_ body: () throws -> Int) rethrows -> Sample {
    let start = ContinuousClock.now
    let amount = try body()
    return Sample(amount: Double(amount), seconds: (ContinuousClock.now - start) / .seconds(1))
  }
}

extension Pairing {
  /// The same done with two paths; `prepare` and `run` get the one that it is about.
  init(
    native: String, mount: String, prepare: @escaping (_ path: String) throws -> Void = { _ in },
    run: @escaping (_ path: String) throws -> Sample
  ) {
    func way(_ path: String) -> Way { Way(prepare: { try prepare(path) }, run: { try run(path) }) }
    self.init(native: way(native), mount: way(mount))
  }
}
