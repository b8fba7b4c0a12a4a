import Glibc

extension BenchLine {
  /// Looking at files without reading them.
  static var metadataLines: [BenchLine] {
    [
      metadata("stat", "stat of a version's files", count: 60_000) { path in
        var status = stat()
        return stat(path, &status) == 0
      },
      metadata("open", "open and close of a version's files", count: 6_000) { path in
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        return descriptor >= 0 && close(descriptor) == 0
      },
    ]
  }

  private static func metadata(
    _ name: String, _ title: String, count: Int, _ body: @escaping (String) -> Bool
  ) -> BenchLine {
    BenchLine(name: name, title: title, unit: .operationsPerSecond) { stage in
      let plain = stage.folder("plain")
      try prepareFolder(plain, for: stage)
      func way(_ folder: String) -> Pairing.Way {
        let paths = BenchStage.formats.map { "\(folder)/model.\($0)" }
        return .init {
          try Pairing.timed {
            for index in 0..<count where !body(paths[index % paths.count]) {
              throw CommandFailure(.inputOutput, "\(paths[index % paths.count]): \(String(cString: strerror(errno)))")
            }
            return count
          }
        }
      }
      return try Pairing(native: way(plain), mount: way(stage.versionPath)).measure(on: stage)
    }
  }

  /// A folder of plain files with the names that a version has.
  private static func prepareFolder(_ path: String, for stage: BenchStage) throws {
    if access(path, F_OK) == 0 { return }
    guard mkdir(path, 0o755) == 0,
      BenchStage.formats.allSatisfy({ link(stage.plainPath, "\(path)/model.\($0)") == 0 })
    else { throw CommandFailure(.inputOutput, "\(path): \(String(cString: strerror(errno)))") }
  }
}
