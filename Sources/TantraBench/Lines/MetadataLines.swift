import Glibc
import PosixIO
import SystemPackage

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
    BenchLine(name, title, unit: .operationsPerSecond, wanted: nil) { stage in
      let plain = stage.folder("plain")
      try prepareFolder(plain, for: stage)
      return Pairing(native: plain, mount: stage.versionPath) { folder in
        let paths = BenchStage.formats.map { "\(folder)/model.\($0)" }
        return try Pairing.timed {
          for index in 0..<count where !body(paths[index % paths.count]) {
            throw PosixError(Errno(rawValue: errno), call: name, path: paths[index % paths.count])
          }
          return count
        }
      }
    }
  }

  /// A folder of plain files with the names that a version has.
  private static func prepareFolder(_ path: String, for stage: BenchStage) throws {
    if access(path, F_OK) == 0 { return }
    try systemCall("mkdir", path) { mkdir(path, 0o755) }
    for format in BenchStage.formats {
      let name = "\(path)/model.\(format)"
      try systemCall("link", name) { link(stage.plainPath, name) }
    }
  }
}
