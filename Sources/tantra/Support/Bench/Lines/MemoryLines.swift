extension BenchLine {
  /// What the daemon itself takes.
  static var memoryLines: [BenchLine] {
    [
      BenchLine(
        name: "daemon-memory", title: "daemon's peak RSS, 8 readers of all formats", against: "-", unit: .bytes,
        wanted: .atMost(60e6)
      ) { stage in
        try stage.mount.restart()
        let views = BenchStage.formats.map(stage.view)
        let failures = FailureList()
        for number in 1...2 {
          stage.progress.round("pass \(number) of 2")
          // Half of the readers go through the formats the other way round.
          try Threads.run(8) { reader in
            do {
              for view in reader % 2 == 0 ? views : views.reversed() { _ = try FileReader.readThrough(view) }
            } catch {
              failures.add(error)
            }
          }
          try failures.rethrow()
        }
        // A fresh daemon: its peak is that of serving.
        var figures = Figures(mount: Summary([Double(try stage.mount.memory("VmHWM"))]))
        figures.parts["afterwards bytes"] = Double(try stage.mount.memory("VmRSS"))
        figures.parts["afterwards anonymous bytes"] = Double(try stage.mount.memory("RssAnon"))
        return figures
      }
    ]
  }
}
