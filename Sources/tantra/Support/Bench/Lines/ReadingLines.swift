extension BenchLine {
  /// Reading a whole view that nothing has been read of yet.
  static var readingLines: [BenchLine] {
    let reads = [("read", "read", FileReader.readThrough), ("map", "mmap scan", FileReader.mapThrough)]
    return reads.map { name, title, body in
      written("\(name)-hot", "\(title) of the written view, in memory", body) { try $0.makeFirst("safetensors") }
    }
      + reads.map { name, title, body in
        written("\(name)-cold", "\(title) of the written view, on disk", body) { try $0.makeCold() }
      }
      + reads.map { name, title, body in
        synthesized("\(name)-cold-synthesized", "\(title) of a synthesized view, on disk", .atLeast(0.95), body) {
          stage in
          try stage.makeCold()
        }
      }
      + [
        synthesized(
          "read-first", "first read of a synthesized view, its blob in memory", .atLeast(0.25), FileReader.readThrough
        ) { try $0.makeFirst("pt") },
        synthesized(
          "map-first", "first mmap scan of a synthesized view, its blob in memory", nil, FileReader.mapThrough
        ) { try $0.makeFirst("pt") },
      ]
      + formats.map { again("read-second-\($0)", "second read of model.\($0)", .atLeast(0.7), $0, readBefore: 1) }
      + formats.map { again("read-later-\($0)", "third and later reads of model.\($0)", nil, $0, readBefore: 2) }
  }

  private static func again(
    _ name: String, _ title: String, _ wanted: Wanted?, _ format: String, readBefore times: Int
  ) -> BenchLine {
    BenchLine(name: name, title: title, wanted: wanted) { stage in
      try Pairing(
        native: .init(prepare: { try stage.makeRead(plain: stage.blobPath, times: times) }) {
          try Pairing.timed { try FileReader.readThrough(stage.blobPath) }
        },
        mount: .init(prepare: { try stage.makeRead(format, times: times) }) {
          try Pairing.timed { try FileReader.readThrough(stage.view(format)) }
        }
      ).measure(on: stage)
    }
  }

  private static var formats: [String] { BenchStage.formats }

  private static func written(
    _ name: String, _ title: String, _ body: @escaping (String) throws -> Int,
    prepare: @escaping (BenchStage) throws -> Void
  ) -> BenchLine {
    reading(name, title, .atLeast(0.95), format: "safetensors", body, prepare)
  }

  private static func synthesized(
    _ name: String, _ title: String, _ wanted: Wanted?, _ body: @escaping (String) throws -> Int,
    prepare: @escaping (BenchStage) throws -> Void
  ) -> BenchLine {
    reading(name, title, wanted, format: "pt", body, prepare)
  }

  /// The same state of caches and the same way of reading on both sides.
  private static func reading(
    _ name: String, _ title: String, _ wanted: Wanted?, format: String, _ body: @escaping (String) throws -> Int,
    _ prepare: @escaping (BenchStage) throws -> Void
  ) -> BenchLine {
    BenchLine(name: name, title: title, wanted: wanted) { stage in
      func way(_ path: String) -> Pairing.Way {
        .init(prepare: { try prepare(stage) }) { try Pairing.timed { try body(path) } }
      }
      return try Pairing(native: way(stage.blobPath), mount: way(stage.view(format))).measure(on: stage)
    }
  }
}
