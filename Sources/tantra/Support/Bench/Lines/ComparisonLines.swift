import PosixIO

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
      let (source, name) = split(stage.blobPath)
      let other = try OtherMount(
        executable, at: stage.folder(program)
      ) { arguments(source, $0) }
      defer { other.end() }
      let path = "\(other.mountpoint)/\(name)"
      return try Pairing(
        native: .init(
          prepare: {
            try OpenedFile.open(path).dropCache()
            try PageCache.warm(stage.blobPath)
          },
          run: { try Pairing.timed { try FileReader.readThrough(path) } }),
        mount: .init(prepare: { try stage.makeFirst("safetensors") }) {
          try Pairing.timed { try FileReader.readThrough(stage.view("safetensors")) }
        }
      ).measure(on: stage)
    }
  }

  private static func split(_ path: String) -> (folder: String, name: String) {
    let parts = path.split(separator: "/")
    return ("/" + parts.dropLast().joined(separator: "/"), parts.last.map(String.init) ?? "")
  }
}
