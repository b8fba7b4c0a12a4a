import BlobStore
import Glibc
import PosixIO

extension BenchLine {
  /// Writing a model, and making another format of it.
  static var copyingLines: [BenchLine] {
    [
      BenchLine(
        name: "copy-in", title: "cp into the mount, against cp and sync of the file", wanted: .atLeast(0.5)
      ) { try copyIn($0) },
      BenchLine(
        name: "convert", title: "reading model.pt, against load_file and torch.save", against: "conversion",
        wanted: .atLeast(1)
      ) { try convert($0) },
    ]
  }

  // MARK: Copying

  private static func copyIn(_ stage: BenchStage) throws -> BenchFigures {
    let target = stage.folder("copy.safetensors")
    let amount = Double(stage.model.byteCount)
    var parts: [String: [Double]] = [:]
    func timed(_ part: String?, _ body: () throws -> Void) rethrows -> Double {
      let start = ContinuousClock.now
      try body()
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      if let part { parts[part, default: []].append(seconds) }
      return seconds
    }
    var version = ""
    defer { unlink(target) }
    let pairing = Pairing(
      native: .init(
        prepare: {
          unlink(target)
          try stage.cache.warm(stage.plainPath)
        },
        run: {
          let copying = try timed("native cp seconds") { try stage.programs.run("cp", [stage.plainPath, target]) }
          let syncing = try timed("native sync seconds") { try stage.programs.run("sync", [target]) }
          unlink(target)
          return .init(amount: amount, seconds: copying + syncing)
        }),
      mount: .init(
        prepare: {
          if !version.isEmpty { try stage.removeVersion(version) }
          version = try stage.makeVersion()
        },
        run: {
          let file = version + "/model.safetensors"
          return .init(
            amount: amount, seconds: try timed(nil) { try stage.programs.run("cp", [stage.plainPath, file]) })
        }))
    var figures = try pairing.measure(on: stage)
    try stage.removeVersion(version)
    for number in 1...min(3, stage.rounds) {
      stage.progress.round("breakdown \(number)")
      let version = try stage.makeVersion()
      let file = try FileWriter(version + "/model.safetensors")
      _ = try timed("mount write seconds") { try file.copy(stage.plainPath, unless: stage.stop) }
      _ = try timed("mount close seconds") { try file.close() }
      _ = try timed("hash alone seconds") { try hash(stage.plainPath, unless: stage.stop) }
      try stage.removeVersion(version)
    }
    figures.parts = parts.compactMapValues { Summary($0)?.median }
    return figures
  }

  /// What a store computes of a file that comes in, from memory and without the store: SHA-256 and CRC-32, on all cores.
  private static func hash(_ path: String, unless stop: StopCheck) throws {
    let file = try OpenedFile.open(path)
    let size = try file.status().size
    let pieces = stride(from: 0, to: size, by: 16 << 20).map { $0..<min(size, $0 + 16 << 20) }
    _ = try RangeScanner(file) { _ in !stop.isRequested() }.checksums(of: pieces)
  }

  // MARK: Converting

  private static func convert(_ stage: BenchStage) throws -> BenchFigures {
    let python = try stage.python()
    let target = stage.folder("converted.pt")
    let view = stage.view("pt")
    defer { unlink(target) }
    return try Pairing(
      native: .init(
        prepare: {
          unlink(target)
          try stage.cache.warm(stage.plainPath)
        },
        run: {
          .init(
            amount: Double(stage.model.byteCount), seconds: try python.seconds("convert", stage.plainPath, target))
        }),
      mount: .init(
        prepare: { try stage.makeFirst(view) }, run: { try Pairing.timed { try stage.reader.readThrough(view) } }),
      warmsUp: false
    ).measure(on: stage)
  }
}
