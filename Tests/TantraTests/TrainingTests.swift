import Foundation
import TestSupport
import Testing

@Suite struct TrainingTests {
  private struct Log: Decodable {
    var steps: Int
    var parameters: Int
    var curve: [[Double]]
  }

  private struct Evaluation: Decodable {
    var bitsPerByte: Double
    var predictions: Int
    var differenceFromTransformers: Double?
    var largestLogit: Double?
  }

  /// Runs a script of `Model/training` and returns what it printed.
  private func script(_ name: String, _ arguments: [String]) throws -> Data {
    let command = try Python.run(script: Python.packageRoot + "/Model/training/" + name, arguments)
    guard command.status == 0 else {
      throw OracleFailure(description: "\(name) \(arguments) ended with \(command.status): \(command.errorText)")
    }
    return command.output
  }

  private func evaluate(_ folder: String, _ options: String...) throws -> Evaluation {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Evaluation.self, from: try script("evaluate.py", [folder] + options))
  }

  @Test func theScanAndItsGradientsAgreeWithAutograd() throws {
    try Python.oracle("training_scan.py")
  }

  @Test func twentyStepsLowerTheLossAndTransformersLoadsTheFile() throws {
    let fixture = try TantraFixture()
    try fixture.succeed("export", "mamba", "--folder", "--to", fixture.scratch.path)
    let (start, trained) = (fixture.scratch("mamba_v1.0"), fixture.scratch("trained"))
    _ = try script("train.py", [start, trained, "--steps", "20"])
    let log = try JSONDecoder().decode(Log.self, from: Data(try fixture.scratch.read("trained/training.json")))
    #expect(log.parameters == 689_792 && log.curve.map { $0[0] } == [10, 20])
    #expect(log.curve[1][1] < 5 && log.curve[1][1] < log.curve[0][1] - 0.5, "\(log.curve)")
    let summary = try Python.oracle("mount_transformers.py", [trained])
    #expect(summary.contains("\"parameters\": 689792") && summary.contains("\"same_configuration\": true"))
    #expect(try fixture.scratch.read("trained/config.json") == fixture.scratch.read("mamba_v1.0/config.json"))

    let evaluation = try evaluate(trained, "--books", "Jas", "--check")
    #expect(evaluation.bitsPerByte < 5 && evaluation.predictions == 12_136)
    let difference = try #require(evaluation.differenceFromTransformers)
    #expect(difference <= 1e-4 * max(1, try #require(evaluation.largestLogit)))

    let continued = try script("train.py", [start, trained, "--steps", "24"])
    #expect(String(decoding: continued, as: UTF8.self).hasPrefix("going on from step 20\nstep 24/24 "))
    try fixture.succeed(
      "import", trained + "/model.safetensors", trained + "/config.json", "--model", "mamba",
      "--version", "v1.1")
    #expect(try fixture.succeed("validate", "mamba", "v1.1").contains("mamba/v1.1: valid"))
  }

  private struct TimedLog: Decodable {
    struct Point: Decodable {
      var step: Int
      var loss: Double?
      var grid: Double?
    }
    var steps: Int
    var curve: [Point]
  }

  @Test(arguments: [("ocr_native", "train_ocr.py"), ("mamba_multimodal", "train_multimodal.py")])
  func aMinuteLowersTheLossAndTheFolderIsAVersion(_ model: String, _ name: String) throws {
    let fixture = try TantraFixture()
    try fixture.succeed("export", model, "--folder", "--to", fixture.scratch.path)
    let trained = fixture.scratch("trained")
    _ = try script(name, [trained, "--minutes", "0.9"])
    let log = try JSONDecoder().decode(TimedLog.self, from: Data(try fixture.scratch.read("trained/training.json")))
    let losses = log.curve.compactMap { $0.loss ?? $0.grid }
    let (first, last) = (try #require(losses.first), try #require(losses.last))
    #expect(log.steps >= 20 && last < first, "\(losses)")
    func object(_ path: String) throws -> NSDictionary? {
      try JSONSerialization.jsonObject(with: Data(try fixture.scratch.read(path))) as? NSDictionary
    }
    #expect(try object("trained/config.json") == object("\(model)_v1.0/config.json"))
    _ = try script("golden.py", [trained])
    try fixture.succeed(
      "import", trained + "/model.safetensors", trained + "/config.json", trained + "/golden.json", "--model", model,
      "--version", "v1.1")
    let validation = try fixture.succeed("validate", model, "v1.1")
    #expect(validation.contains("\(model)/v1.1: valid") && validation.contains("golden             passed"))
  }

  @Test func aRunFromTrainedWeightsBeginsWhereTheyEnded() throws {
    let fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model")
    let listing = try fixture.succeed("export", "ocr_native", "--folder", "--to", fixture.scratch.path)
    let line = try #require(listing.split(separator: "\n").first { $0.contains("/model.safetensors ") })
    let start = String(try #require(line.range(of: "/model.safetensors ").map { line[..<$0.lowerBound] }))
    _ = try script("train_ocr.py", [fixture.scratch("further"), "--minutes", "0.5", "--from", start, "--rate", "1e-4"])
    let log = try JSONDecoder().decode(TimedLog.self, from: Data(try fixture.scratch.read("further/training.json")))
    // A run from the beginning has a loss of more than 5 in its first steps.
    let first = try #require(log.curve.first?.loss)
    #expect(first < 1, "\(log.curve)")
  }

  @Test func trainedWeightsPredictHeldOutBooksAsTheirCardSays() throws {
    let fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model")
    var found: [Double] = []
    for version in ["v1.0", "v1.1", "v2.0"] {
      try fixture.succeed("export", "mamba", version, "--folder", "--to", fixture.scratch.path)
      let evaluation = try evaluate(fixture.scratch("mamba_\(version)"))
      #expect(evaluation.predictions == 243_632)
      let card = String(decoding: try fixture.scratch.read("mamba_\(version)/README.md"), as: UTF8.self)
      let row = try #require(card.split(separator: "\n").first { $0.hasPrefix("| \(version) | ") })
      let figure = try #require(Double(row.split(separator: "|")[1].drop { $0 == " " }.dropLast()))
      #expect(abs(evaluation.bitsPerByte - figure) < 0.001, "\(row)")
      found.append(evaluation.bitsPerByte)
    }
    #expect(found[0] <= 1.75 && found[1] <= 1.60 && found[0] - found[1] >= 0.05, "\(found)")
    #expect(found[2] <= found[1] + 0.02, "\(found)")
  }
}
