extension BenchLine {
  /// Loading with the libraries that people use.
  static var torchLines: [BenchLine] {
    let torch = ["pt", "bin"].map { format in
      loading("torch-load-\(format)", "torch.load of model.\(format)", "torch_load", format) {
        try $0.plainTorchPath()
      }
    }
    return torch + [
      loading(
        "load-file", "safetensors load_file of model.safetensors", "safetensors_load", "safetensors"
      ) { $0.plainPath }
    ]
  }

  /// A plain file with the same contents on one side, a view on the other, both in memory for good: each has been read twice.
  private static func loading(
    _ name: String, _ title: String, _ function: String, _ format: String,
    plain: @escaping (BenchStage) throws -> String
  ) -> BenchLine {
    BenchLine(name: name, title: title, wanted: .atLeast(0.85)) { stage in
      let python = try stage.python()
      let plain = try plain(stage)
      let amount = Double(stage.model.byteCount)
      return try Pairing(
        native: .init(prepare: { try stage.makeRead(plain: plain, times: 2) }) {
          .init(amount: amount, seconds: try python.seconds(function, plain))
        },
        mount: .init(prepare: { try stage.makeRead(format, times: 2) }) {
          .init(amount: amount, seconds: try python.seconds(function, stage.view(format)))
        }
      ).measure(on: stage)
    }
  }
}
