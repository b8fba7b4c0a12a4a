import PosixIO
import SystemPackage

extension BenchLine {
  /// Other ways of showing a folder somewhere else, if they are installed.
  static var comparisonLines: [BenchLine] {
    [
      comparison("bindfs") { ["-f", "-r", $0, $1] },
      comparison("rclone") { ["mount", "--read-only", $0, $1] },
    ]
  }

  private static func comparison(
    _ program: String, _ arguments: @escaping (_ source: String, _ mountpoint: String) -> [String]
  ) -> BenchLine {
    BenchLine(
      name: program, title: "first read of the written view, against \(program)", against: program,
      wanted: .atLeast(1)
    ) { stage in
      guard let executable = ChildProgram.find(program) else { throw Skipped(reason: "\(program) is not installed") }
      let blob = FilePath(stage.blobPath)
      let other = try OtherMount(executable, at: stage.folder(program), stage.programs) {
        arguments(blob.removingLastComponent().string, $0)
      }
      defer { other.end() }
      return try Pairing(
        native: "\(other.mountpoint)/\(blob.lastComponent?.string ?? "")", mount: stage.view("safetensors"),
        prepare: { try stage.makeFirst($0) },
        run: { path in try Pairing.timed { try stage.reader.readThrough(path) } }
      ).measure(on: stage)
    }
  }
}
