/// A run of measurements: what the user chose, and the steps from a fresh folder to a report.
///
/// The program that runs it has the commands `import`, `mount` and `bench-faults`, because a run starts it again for them.
package struct BenchRun {
  /// About how many bytes the model gets.
  package var byteCount: Int
  /// How often each pair is measured.
  package var rounds: Int
  /// The lines to measure, in any order; all if it is empty.
  package var lineNames: [String]
  /// The path of a Python that has torch; nil for the one of `PATH`.
  package var python: String?
  /// The version of the program, for the report.
  package var version: String

  package init(byteCount: Int, rounds: Int, lineNames: [String], python: String?, version: String) {
    self.byteCount = byteCount
    self.rounds = rounds
    self.lineNames = lineNames
    self.python = python
    self.version = version
  }

  /// The name of every line, in the order of the table.
  package static var allLineNames: [String] { BenchLine.catalogue.map(\.name) }

  /// Measures in a fresh folder in `parent`, and removes the folder whatever happens.
  ///
  /// - Parameter isInterrupted: asked again and again, from several threads. When it answers true, the run ends early.
  /// - Throws: ``BenchFailure``, or what the mount or the file system has thrown. A line that fails is no reason to throw:
  ///   the report has it.
  package func measure(in parent: String, unless isInterrupted: @escaping @Sendable () -> Bool) throws -> BenchReport {
    let stop = StopCheck(isRequested: isInterrupted)
    let folder = try BenchFolder(in: parent, byteCount: byteCount)
    let lines = BenchLine.catalogue.filter { lineNames.isEmpty || lineNames.contains($0.name) }
    let progress = BenchProgress(lineCount: lines.count)
    let outcome = Result<BenchReport, any Error> { try measure(lines, in: folder, progress, stop) }
    progress.clear()
    try folder.remove()
    do {
      return try outcome.get()
    } catch {
      // What fails because the programs of the run were ended is not why it ends.
      try stop()
      throw error
    }
  }

  private func measure(
    _ lines: [BenchLine], in folder: BenchFolder, _ progress: BenchProgress, _ stop: StopCheck
  ) throws -> BenchReport {
    var environment = try BenchEnvironment(at: folder.path)
    let stage = try BenchStage(self, in: folder, progress: progress, unless: stop)
    let measured = Result<[BenchReport.Line], any Error> { try lines.map { try measure($0, on: stage) } }
    environment.coldMethod = stage.coldMethod
    environment.python = stage.pythonDescription
    progress.preparing("cleaning up")
    try stage.end()
    return BenchReport(
      tantra: version, environment: environment, modelBytes: stage.model.byteCount, tensors: stage.model.tensorCount,
      rounds: rounds, lines: try measured.get())
  }

  /// Only an interruption ends it all; what else goes wrong is the line's result.
  private func measure(_ line: BenchLine, on stage: BenchStage) throws -> BenchReport.Line {
    stage.progress.begin(line)
    defer { stage.progress.end() }
    do {
      try stage.forget()
      return BenchReport.Line(line, try line.measure(stage))
    } catch let skipped as BenchLine.Skipped {
      return BenchReport.Line(line, .skipped, reason: skipped.reason)
    } catch {
      try stage.stop()
      return BenchReport.Line(line, .failed, reason: "\(error)")
    }
  }
}
