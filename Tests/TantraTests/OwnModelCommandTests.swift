import Foundation
import TantraRuntime
import TestSupport
import Testing

/// The shipped models in the shipped runtime.
@Suite struct OwnModelCommandTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model") }

  /// A folder with the active version of a shipped model.
  private func exported(_ model: String) throws -> String {
    let listing = try fixture.succeed("export", model, "--folder", "--to", fixture.scratch.path)
    let line = try #require(listing.split(separator: "\n").first { $0.contains("/model.safetensors ") })
    return String(try #require(line.range(of: "/model.safetensors ").map { line[..<$0.lowerBound] }))
  }

  @Test func theReaderScoresLinesAsTorchDoes() throws {
    let folder = try exported("ocr_native")
    let session = try OcrSession(try LoadedWeights<OcrWeights>(resolved: folder) { _ in }.weights)
    let lines = OwnInputs.lines(50, height: 32)
    let scores = try lines.flatMap { try session.scores(of: $0) }
    let found = try OwnScores(folder: folder, inputs: OwnInputs.data(lines), scores: scores)
    #expect(found.inputs == 50 && found.difference < 1e-3, "\(found)")
  }

  @Test func theModelThatSeesScoresAsTorchDoes() throws {
    let folder = try exported("mamba_multimodal")
    let session = try MambaSession(try LoadedModel(resolved: folder) { _ in }.weights)
    let scenes = OwnInputs.scenes(50, side: 96, channels: 3)
    let scores = try scenes.flatMap { image, tokens in
      session.reset()
      try session.see(image)
      return try session.scores(tokens)
    }
    let found = try OwnScores(folder: folder, inputs: OwnInputs.data(scenes), scores: scores)
    #expect(found.inputs == 50 && found.difference < 1e-3, "\(found)")
  }

  private struct Answers: Decodable {
    var asked: Int
    var equal: Int
    var right: Int
    var right_large: Int
  }

  @Test func questionsAboutImagesGetTorchsAnswers() throws {
    let folder = try exported("mamba_multimodal")
    let output = try Python.oracle("scene_answers.py", [TantraFixture.executable, folder])
    let answers = try JSONDecoder().decode(Answers.self, from: Data(output.utf8))
    #expect(answers.asked >= 30 && answers.equal == answers.asked, "\(answers)")
    // Its card says 98 of a hundred; a model that only knows what lies at a given place has two of three.
    #expect(Double(answers.right) > 0.9 * Double(answers.asked), "\(answers)")
    #expect(Double(answers.right_large) > 0.9 * Double(answers.asked), "\(answers)")
  }

  @Test func anImageThatIsNoneIsRefused() throws {
    let folder = try exported("mamba_multimodal")
    let text = try fixture.tantra(["run", folder, "--image", folder + "/config.json", "--prompt", "where is the star?"])
    #expect(text.status == 65 && text.errorText.contains("expected a PNG or a JPEG"), "\(text.errorText)")
    let blind = try fixture.tantra(["run", folder, "--prompt", "where is the star?"])
    #expect(blind.status == 0 && blind.outputText == "no image\n", "\(blind.outputText)")
    let mamba = try exported("mamba")
    let sees = try fixture.tantra(["run", mamba, "--image", mamba + "/loss.png", "--prompt", "a"])
    #expect(sees.status == 64 && sees.errorText.contains("sees images"), "\(sees.errorText)")
  }

  @Test(arguments: ["mamba", "mamba_multimodal", "ocr_native"])
  func validationRunsTheGoldenInputAndSaysWhatChanged(_ model: String) throws {
    let good = try fixture.succeed("validate", model)
    #expect(good.contains("golden             passed"), "\(good)")
    let folder = try exported(model)
    let change = """
      import json, pathlib, sys; from safetensors.torch import load_file, save_file
      folder, what = pathlib.Path(sys.argv[1]), sys.argv[2]
      golden = json.loads((folder / "golden.json").read_text())
      tensors = load_file(folder / "model.safetensors")
      if what == "tensor": tensors["backbone.layers.2.mixer.D"] += 0.01
      else: golden["logits"][3] += 0.1
      save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
      (folder / "golden.json").write_text(json.dumps(golden))
      """
    for (version, what) in [("v8.1", "golden"), ("v8.2", "tensor")] {
      if what == "tensor" { try fixture.succeed("export", model, "--folder", "--to", fixture.scratch.path, "--force") }
      let made = try Python.run(change, [folder, what])
      #expect(made.status == 0, "\(made.errorText)")
      try fixture.succeed("import", folder, "--model", model, "--version", version)
      let bad = try fixture.tantra(["validate", model, version])
      #expect(bad.status == 1 && bad.outputText.contains("golden.json: expected its logits"), "\(bad.outputText)")
      #expect(bad.outputText.contains("blobs              passed"), "\(bad.outputText)")
    }
  }
}
