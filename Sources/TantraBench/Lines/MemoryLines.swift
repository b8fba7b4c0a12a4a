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
        let reader = stage.reader
        for number in 1...2 {
          stage.progress.round("pass \(number) of 2")
          // Half of the readers go through the formats the other way round.
          try Threads.run(8) { thread in
            for view in thread % 2 == 0 ? views : views.reversed() { _ = try reader.readThrough(view) }
          }
        }
        // A fresh daemon: its peak is that of serving.
        var figures = BenchFigures(mount: Summary([Double(try stage.mount.memory("VmHWM"))]))
        figures.parts["afterwards bytes"] = Double(try stage.mount.memory("VmRSS"))
        figures.parts["afterwards anonymous bytes"] = Double(try stage.mount.memory("RssAnon"))
        return figures
      }
    ]
  }
}
