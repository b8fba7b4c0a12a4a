extension BenchLine {
  /// Many readers of the written view, its blob in memory.
  static var parallelLines: [BenchLine] {
    [
      parallel("processes", "4 processes faulting one mapped model at random") { stage, path in
        try FaultingProcesses(programs: stage.programs).run(on: path)
      },
      parallel("threads", "8 threads faulting one mapping at random") { stage, path in
        try Pairing.timed { try stage.reader.faultThrough(path, threadCount: 8) }
      },
    ]
  }

  private static func parallel(
    _ name: String, _ title: String, _ run: @escaping (BenchStage, _ path: String) throws -> Pairing.Sample
  ) -> BenchLine {
    BenchLine(name, title, wanted: .atLeast(0.9)) { stage in
      let view = stage.view("safetensors")
      return Pairing(
        native: stage.blobPath, mount: view, prepare: { _ in try stage.makeFirst(view) }, run: { try run(stage, $0) })
    }
  }
}
