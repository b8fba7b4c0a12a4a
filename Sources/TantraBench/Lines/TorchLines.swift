extension BenchLine {
  /// Loading with the libraries that people use.
  static var torchLines: [BenchLine] {
    ["pt", "bin"].map { format in
      loading("torch-load-\(format)", "torch.load", "torch_load", format) { try $0.plainTorchPath() }
    } + [loading("load-file", "safetensors load_file", "safetensors_load", "safetensors") { $0.plainPath }]
  }

  /// A plain file with the same contents on one side, a view on the other, both in memory for good: each has been read twice.
  private static func loading(
    _ name: String, _ title: String, _ function: String, _ format: String,
    plain: @escaping (BenchStage) throws -> String
  ) -> BenchLine {
    BenchLine(name, "\(title) of model.\(format)", wanted: .atLeast(0.85)) { stage in
      let python = try stage.python()
      return Pairing(
        native: try plain(stage), mount: stage.view(format), prepare: { try stage.makeRead($0, times: 2) },
        run: { .init(amount: Double(stage.model.byteCount), seconds: try python.seconds(function, $0)) })
    }
  }
}
