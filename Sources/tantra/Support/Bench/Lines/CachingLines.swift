import PosixIO

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
      var ratios: [Double] = []
      var sizes: [Double] = []
      var cached: [Double] = []
      var ofView: [Double] = []
      for number in 1...stage.rounds {
        stage.progress.round("round \(number) of \(stage.rounds)")
        try stage.makeCold()
        let size = Double(try FileReader.readThrough(path))
        ofView.append(Double(try PageCache.cachedByteCount(path)))
        let total = ofView[number - 1] + Double(try PageCache.cachedByteCount(stage.blobPath))
        sizes.append(size)
        cached.append(total)
        ratios.append(total / size)
      }
      var figures = Figures(ratio: Summary(ratios), native: Summary(sizes), mount: Summary(cached))
      figures.parts["view bytes"] = Summary(ofView)?.median
      figures.parts["blob bytes"] = Summary(zip(cached, ofView).map(-))?.median
      return figures
    }
  }
}
