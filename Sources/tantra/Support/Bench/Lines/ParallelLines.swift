extension BenchLine {
  /// Many readers of the written view, its blob in memory.
  static var parallelLines: [BenchLine] {
    [
      parallel("processes", "4 processes faulting one mapped model at random") {
        try FaultingProcesses.run(on: $0)
      },
      parallel("threads", "8 threads faulting one mapping at random") { path in
        try Pairing.timed { try FileReader.faultThrough(path, threadCount: 8) }
      },
    ]
  }

  private static func parallel(
    _ name: String, _ title: String, _ run: @escaping (String) throws -> Pairing.Sample
  ) -> BenchLine {
    BenchLine(name: name, title: title, wanted: .atLeast(0.9)) { stage in
      func way(_ path: String) -> Pairing.Way {
        .init(prepare: { try stage.makeFirst("safetensors") }) { try run(path) }
      }
      return try Pairing(native: way(stage.blobPath), mount: way(stage.view("safetensors"))).measure(on: stage)
    }
  }
}
