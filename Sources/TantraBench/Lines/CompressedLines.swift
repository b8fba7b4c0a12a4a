import Tensors

extension BenchLine {
  /// First reads of a version that is compressed, against the same one in a plain store: both through a mount.
  static var compressedLines: [BenchLine] {
    [
      compressed("read-compressed", "first read of a compressed version, in memory", isCold: false) { stage, path in
        try Pairing.timed { try stage.reader.readThrough(path) }
      },
      compressed("map-compressed", "first mmap scan of a compressed version, in memory", isCold: false) { stage, path in
        try Pairing.timed { try stage.reader.mapThrough(path) }
      },
      compressed(
        "random-compressed", "random 4 KiB of a compressed version, in memory", unit: .operationsPerSecond,
        isCold: false
      ) { stage, path in try Pairing.timed { try stage.reader.readPages(path, count: 2000, seed: 1) } },
      compressed("read-compressed-cold", "first read of a compressed version, on disk", isCold: true) { stage, path in
        try Pairing.timed { try stage.reader.readThrough(path) }
      },
      compressed(
        "random-compressed-cold", "random 4 KiB of a compressed version, on disk", unit: .operationsPerSecond,
        isCold: true
      ) { stage, path in try Pairing.timed { try stage.reader.readPages(path, count: 500, seed: 1) } },
      memory,
    ]
  }

  private static func compressed(
    _ name: String, _ title: String, unit: BenchReport.Unit = .bytesPerSecond, isCold: Bool,
    _ run: @escaping (BenchStage, _ path: String) throws -> Pairing.Sample
  ) -> BenchLine {
    BenchLine(name, title, against: "plain store", unit: unit, wanted: nil) { stage in
      let (plain, compressed) = (stage.view("safetensors"), try stage.compressed())
      return Pairing(
        native: .init(
          prepare: { if isCold { try stage.makeCold() } else { try stage.makeFirst(plain) } },
          run: { try run(stage, plain) }),
        mount: .init(
          prepare: { if isCold { try stage.makeCold(compressed) } else { try stage.makeFirst(compressed) } },
          run: { try run(stage, compressed.viewPath) }))
    }
  }

  private static var memory: BenchLine {
    BenchLine(
      name: "compressed-memory", title: "daemon's peak RSS, 8 readers of a compressed version", against: "-",
      unit: .bytes, wanted: .atMost(80e6)
    ) { stage in
      let compressed = try stage.compressed()
      try compressed.mount.restart()
      let reader = stage.reader
      try Threads.run(8) { [path = compressed.viewPath] thread in
        if thread % 2 == 0 {
          _ = try reader.readThrough(path)
        } else {
          _ = try reader.faultThrough(path, threadCount: 1)
        }
      }
      return BenchFigures(mount: Summary([Double(try compressed.mount.memory("VmHWM"))]))
    }
  }
}
