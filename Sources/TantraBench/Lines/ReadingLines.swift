extension BenchLine {
  /// Reading a whole view.
  static var readingLines: [BenchLine] {
    untouchedLines + BenchStage.formats.map { again("second", "second read", .atLeast(0.7), $0, readBefore: 1) }
      + BenchStage.formats.map { again("later", "third and later reads", nil, $0, readBefore: 2) }
  }

  /// A way of reading a whole file: the bytes read.
  private typealias Reading = (FileReader) -> (_ path: String) throws -> Int

  /// Brings caches into a state, given the view that is read.
  private typealias Preparation = (BenchStage, _ view: String) throws -> Void

  // MARK: Of which nothing has been read yet

  private static var untouchedLines: [BenchLine] {
    let places: [(name: String, title: String, format: String, prepare: Preparation)] = [
      ("hot", "the written view, in memory", "safetensors", { try $0.makeFirst($1) }),
      ("cold", "the written view, on disk", "safetensors", { stage, _ in try stage.makeCold() }),
      ("cold-synthesized", "a synthesized view, on disk", "pt", { stage, _ in try stage.makeCold() }),
    ]
    let ways: [(name: String, title: String, first: Wanted?, read: Reading)] = [
      ("read", "read", .atLeast(0.25), FileReader.readThrough), ("map", "mmap scan", nil, FileReader.mapThrough),
    ]
    let known = places.flatMap { place in
      ways.map { way in
        untouched(
          "\(way.name)-\(place.name)", "\(way.title) of \(place.title)", .atLeast(0.95), place.format, way.read,
          place.prepare)
      }
    }
    return known
      + ways.map { way in
        untouched(
          "\(way.name)-first", "first \(way.title) of a synthesized view, its blob in memory", way.first, "pt", way.read
        ) { try $0.makeFirst($1) }
      }
  }

  /// The same state of caches and the same way of reading on both sides.
  private static func untouched(
    _ name: String, _ title: String, _ wanted: Wanted?, _ format: String, _ read: @escaping Reading,
    _ prepare: @escaping Preparation
  ) -> BenchLine {
    BenchLine(name, title, wanted: wanted) { stage in
      let view = stage.view(format)
      return Pairing(
        native: stage.blobPath, mount: view, prepare: { _ in try prepare(stage, view) },
        run: { path in try Pairing.timed { try read(stage.reader)(path) } })
    }
  }

  // MARK: That has been read before

  private static func again(
    _ name: String, _ title: String, _ wanted: Wanted?, _ format: String, readBefore times: Int
  ) -> BenchLine {
    BenchLine("read-\(name)-\(format)", "\(title) of model.\(format)", wanted: wanted) { stage in
      Pairing(
        native: stage.blobPath, mount: stage.view(format), prepare: { try stage.makeRead($0, times: times) },
        run: { path in try Pairing.timed { try stage.reader.readThrough(path) } })
    }
  }
}
