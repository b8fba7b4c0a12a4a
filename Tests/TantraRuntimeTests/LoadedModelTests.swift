import Foundation
import Synchronization
import TantraRuntime
import TestSupport
import Testing

@Suite struct LoadedModelTests {
  private let checkpoint: MambaCheckpoint
  private var folder: TemporaryFolder { checkpoint.folder }

  init() throws { checkpoint = try MambaCheckpoint() }

  private func failure() throws -> RuntimeError {
    try #require(throws: RuntimeError.self) { try checkpoint.load() }
  }

  /// Changes config.json or the weights' header by replacing a text that must be there by one of the same length.
  private func replace(_ file: String, _ old: String, _ new: String) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: folder(file)))
    let range = try #require(data.range(of: Data(old.utf8)))
    data.replaceSubrange(range, with: Data(new.utf8))
    try data.write(to: URL(fileURLWithPath: folder(file)))
  }

  @Test func withoutConfigurationNothingRuns() throws {
    try FileManager.default.removeItem(atPath: folder("config.json"))
    let error = try failure()
    #expect(error.code == .noInput && error.description.contains("config.json"))
  }

  @Test func anUnknownArchitectureIsNamed() throws {
    try replace("config.json", "\"model_type\": \"mamba\"", "\"model_type\": \"llama\"")
    #expect(
      try failure().description.contains(
        "expected \"mamba\" or \"mamba_multimodal\", which go on with a text, found \"llama\""))
  }

  @Test func aTensorOfAnotherNameShapeOrDtypeIsNamed() throws {
    try replace("model.safetensors", "backbone.layers.1.mixer.D", "backbone.layers.1.mixer.E")
    #expect(try failure().description.contains("backbone.layers.1.mixer.D: missing"))
    try replace("model.safetensors", "backbone.layers.1.mixer.E", "backbone.layers.1.mixer.D")
    try replace("model.safetensors", "[256,40]", "[40,256]")
    #expect(try failure().description.contains("config.json says shape [256, 40], found [40, 256]"))
    try replace("model.safetensors", "[40,256]", "[256,40]")
    try replace("model.safetensors", "\"dtype\":\"F32\"", "\"dtype\":\"I32\"")
    #expect(try failure().description.contains("expected a floating-point dtype, found int32"))
  }

  @Test func aFloatingPointDtypeThatTheKernelsLackIsNamed() throws {
    let script = """
      import sys; from safetensors.torch import load_file, save_file
      tensors = load_file(sys.argv[1])
      tensors["backbone.norm_f.weight"] = tensors["backbone.norm_f.weight"].double()
      save_file(tensors, sys.argv[1], metadata={"format": "pt"})
      """
    let save = try Python.run(script, [folder("model.safetensors")])
    #expect(save.status == 0, "\(save.errorText)")
    let description = try failure().description
    #expect(
      description.contains("backbone.norm_f.weight: expected float32, float16 or bfloat16, found float64"),
      "\(description)")
  }

  @Test func aNaNIsNamedByTensor() throws {
    var bytes = try folder.read("model.safetensors")
    // The last tensor in the file is backbone.norm_f.weight.
    bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
    try folder.write("model.safetensors", bytes)
    #expect(try failure().description.contains("NaN or infinity in backbone.norm_f.weight"))
  }

  @Test func aTruncatedFileIsRefused() throws {
    let bytes = try folder.read("model.safetensors")
    for count in [0, 7, 100, bytes.count / 2, bytes.count - 1] {
      try folder.write("model.safetensors", Array(bytes.prefix(count)))
      let error = try failure()
      #expect(error.code == .badData && error.description.contains("\(folder.path)/model.safetensors: "), "\(error)")
    }
  }

  @Test func theNextFormatIsUsedAndSaidWhenOneIsDamaged() throws {
    let bytes = try folder.read("model.safetensors")
    let script = """
      import sys, torch; from safetensors.torch import load_file
      torch.save(load_file(sys.argv[1]), sys.argv[2])
      """
    let save = try Python.run(script, [folder("model.safetensors"), folder("model.pt")])
    #expect(save.status == 0, "\(save.errorText)")
    let before = try MambaSession(try checkpoint.load().weights).scores([1, 2, 3])

    try folder.write("model.safetensors", Array(bytes.prefix(1000)))
    for damage in ["model.safetensors: ", "model.safetensors is missing"] {
      let warnings = Mutex<[String]>([])
      let model = try LoadedModel(resolved: folder.path) { text in warnings.withLock { $0.append(text) } }
      let warning = try #require(warnings.withLock { $0 }.first)
      #expect(warning.contains(damage) && warning.hasSuffix("using \(folder.path)/model.pt instead"), "\(warning)")
      #expect(try MambaSession(model.weights).scores([1, 2, 3]) == before)
      if damage.hasSuffix(" ") { try FileManager.default.removeItem(atPath: folder("model.safetensors")) }
    }
    try FileManager.default.removeItem(atPath: folder("model.pt"))
    #expect(try failure().code == .noInput)
  }

  @Test func namesArePathsOnlyWithASlash() throws {
    #expect(try ModelLocation("mamba", mountpoint: "/w").path == "/w/mamba/active")
    #expect(try ModelLocation("mamba", version: "v1.1", mountpoint: "/w").path == "/w/mamba/v1.1")
    #expect(try ModelLocation("./mamba").path == "./mamba")
    for (name, version) in [("", nil), ("./mamba", "v1"), ("mamba", ".."), ("mamba", "a/b"), ("mamba", "")] {
      #expect(throws: RuntimeError.self) { try ModelLocation(name, version: version) }
    }
    #expect(
      try LoadedModel(resolved: try ModelLocation(folder("model.safetensors")).resolved()) { _ in }.weights.isMapped)
  }
}
