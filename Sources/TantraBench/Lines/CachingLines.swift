extension BenchLine {
  /// How much of the page cache reading a view once takes.
  static var cachingLines: [BenchLine] {
    [
      caching("cache-written", "page cache per byte, written view", "safetensors", .atMost(1.05)),
      caching("cache-synthesized", "page cache per byte, synthesized view", "pt", .atMost(1.1)),
    ]
  }

  /// The pages of the view and those of the blob behind it, for the view's size.
  private static func caching(_ name: String, _ title: String, _ format: String, _ wanted: Wanted) -> BenchLine {
    BenchLine(name: name, title: title, against: "its size", unit: .bytes, wanted: wanted) { stage in
      guard stage.countsCache else { throw Skipped(reason: "the kernel does not count cached pages: Linux 6.5 does") }
      let path = stage.view(format)
      let rounds = try (1...stage.rounds).map { number in
        stage.progress.round("round \(number) of \(stage.rounds)")
        try stage.makeCold()
        let size = Double(try stage.reader.readThrough(path))
        let ofView = Double(try stage.cache.cachedByteCount(path))
        return (size: size, view: ofView, blob: Double(try stage.cache.cachedByteCount(stage.blobPath)))
      }
      var figures = BenchFigures(
        ratio: Summary(rounds.map { ($0.view + $0.blob) / $0.size }), native: Summary(rounds.map(\.size)),
        mount: Summary(rounds.map { $0.view + $0.blob }))
      figures.parts["view bytes"] = Summary(rounds.map(\.view))?.median
      figures.parts["blob bytes"] = Summary(rounds.map(\.blob))?.median
      return figures
    }
  }
}
