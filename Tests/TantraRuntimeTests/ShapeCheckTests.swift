import Foundation
import TantraRuntime
import Tensors
import Testing

@Suite struct ShapeCheckTests {
  private func check(_ configuration: String, _ tensors: [TensorDescriptor]) -> ShapeCheck.Outcome {
    ShapeCheck.check(configuration: Array(configuration.utf8), tensors: tensors)
  }

  private func shipped(_ name: String) throws -> (configuration: String, tensors: [TensorDescriptor]) {
    let architecture = try #require(ModelArchitecture.named(name))
    return (architecture.configuration, descriptors(architecture.tensors.map { ($0.name, $0.shape.dimensions) }))
  }

  private func descriptors(_ tensors: [(String, [Int])], dtype: DType = .float32) -> [TensorDescriptor] {
    tensors.enumerated().map { index, tensor in
      TensorDescriptor(name: tensor.0, dtype: dtype, shape: Shape(tensor.1), storage: index, byteCount: 0)
    }
  }

  @Test(arguments: ModelArchitecture.all.map(\.name))
  func shippedModelsMatchTheirConfiguration(_ name: String) throws {
    let (configuration, tensors) = try shipped(name)
    #expect(check(configuration, tensors) == .checked(problems: []))
    #expect(check(configuration, tensors.reversed()) == .checked(problems: []))
  }

  @Test(arguments: ModelArchitecture.all.map(\.name))
  func everyDamageIsNamed(_ name: String) throws {
    let (configuration, tensors) = try shipped(name)
    for index in tensors.indices {
      let victim = tensors[index]
      var reshaped = tensors
      reshaped[index].shape.dimensions[0] += 1
      #expect(
        check(configuration, reshaped)
          == .checked(problems: [
            "\(victim.name): config.json says shape \(victim.shape), found \(reshaped[index].shape)"
          ]))
      var shortened = tensors
      shortened.remove(at: index)
      #expect(
        check(configuration, shortened)
          == .checked(problems: ["\(victim.name): missing, config.json says shape \(victim.shape)"]))
      var integers = tensors
      integers[index].dtype = .int64
      #expect(
        check(configuration, integers)
          == .checked(problems: ["\(victim.name): expected a floating-point dtype, found int64"]))
    }
    let stranger = TensorDescriptor(name: "extra\nline", dtype: .float32, shape: [1], storage: 0, byteCount: 4)
    #expect(
      check(configuration, tensors + [stranger])
        == .checked(problems: ["extra?line: not a tensor of the model that config.json describes"]))
    #expect(
      check(configuration, tensors + tensors.prefix(1))
        == .checked(problems: ["\(tensors[0].name): listed twice"]))
  }

  @Test func otherDimensionsAreFollowed() {
    // Defaults of transformers: expand 2, kernel 4, state 16, rank ceil(hidden / 16); untied, with biases.
    let configuration = """
      {"model_type": "mamba", "hidden_size": 20, "num_hidden_layers": 1, "vocab_size": 11, "time_step_rank": "auto",
       "use_bias": true, "use_conv_bias": false, "tie_word_embeddings": false, "layers": [[1, {"a": NaN}]],
       "time_step_limit": [0.0, Infinity], "expand": 1.5}
      """
    let mixer = "backbone.layers.0.mixer."
    let tensors = descriptors([
      ("backbone.embeddings.weight", [11, 20]), ("backbone.layers.0.norm.weight", [20]), (mixer + "A_log", [30, 16]),
      (mixer + "D", [30]), (mixer + "conv1d.weight", [30, 1, 4]), (mixer + "in_proj.weight", [60, 20]),
      (mixer + "in_proj.bias", [60]), (mixer + "x_proj.weight", [34, 30]), (mixer + "dt_proj.weight", [30, 2]),
      (mixer + "dt_proj.bias", [30]), (mixer + "out_proj.weight", [20, 30]), (mixer + "out_proj.bias", [20]),
      ("backbone.norm_f.weight", [20]), ("lm_head.weight", [11, 20]),
    ])
    #expect(check(configuration, tensors) == .checked(problems: []))
    #expect(
      check(configuration, tensors.dropLast())
        == .checked(problems: ["lm_head.weight: missing, config.json says shape [11, 20]"]))
  }

  @Test func tiedHeadMayBeThereOrNot() throws {
    let (configuration, tensors) = try shipped("mamba")
    let head = descriptors([("lm_head.weight", [256, 136])])
    #expect(check(configuration, tensors + head) == .checked(problems: []))
    let wrong = descriptors([("lm_head.weight", [256, 135])])
    #expect(
      check(configuration, tensors + wrong)
        == .checked(problems: ["lm_head.weight: config.json says shape [256, 136], found [256, 135]"]))
  }

  @Test func namesOfTheBareModelAndOfTheAuthorsWeightsAreKnown() throws {
    let (configuration, tensors) = try shipped("mamba")
    var published = tensors
    published[0].name = "backbone.embedding.weight"
    #expect(check(configuration, published) == .checked(problems: []))
    var bare = tensors
    for index in bare.indices { bare[index].name.removeFirst("backbone.".count) }
    #expect(
      check(configuration.replacing("MambaForCausalLM", with: "MambaModel"), bare) == .checked(problems: []))
  }

  @Test func unknownTypesAreNotChecked() {
    #expect(check("{}", []) == .notChecked(reason: "config.json names no model_type"))
    #expect(check(#"{"model_type": 3}"#, []) == .notChecked(reason: "config.json names no model_type"))
    #expect(check(#"{"model_type": "llama"}"#, []) == .notChecked(reason: "unknown model type llama"))
  }

  @Test(arguments: [
    ("", "config.json: expected a JSON object"),
    ("[]", "config.json: expected a JSON object"),
    ("{\"model_type\": \"mamba\"", "config.json: expected a JSON object"),
    (String(repeating: "[", count: 200_000), "config.json: expected a JSON object"),
    ("{\"a\":" + String(repeating: "[", count: 200_000), "config.json: expected a JSON object"),
    ("{\"a\":" + String(repeating: "{\"a\":", count: 100_000), "config.json: expected a JSON object"),
    (String(repeating: " ", count: 1 << 20) + "{}", "config.json: expected at most 1048576 bytes, found 1048578"),
  ])
  func malformedConfigurationsAreProblems(_ configuration: String, _ problem: String) {
    #expect(check(configuration, []) == .checked(problems: [problem]))
  }

  @Test(arguments: [
    ("hidden_size", "0"), ("hidden_size", "-1"), ("hidden_size", "1.5"), ("hidden_size", "true"),
    ("hidden_size", "\"136\""), ("hidden_size", "9223372036854775807"), ("hidden_size", "1e300"),
    ("hidden_size", "99999999999999999999999"), ("hidden_size", "[136]"), ("expand", "0"), ("expand", "1e-9"),
    ("expand", "1e999"), ("expand", "-2"), ("num_hidden_layers", "1000000"), ("num_hidden_layers", "1073741825"),
    ("vocab_size", "{}"), ("use_bias", "1"), ("time_step_rank", "\"many\""), ("state_size", "1073741824"),
    ("conv_kernel", "1073741824"), ("hidden_size", "1073741824"), ("expand", "1073741824"),
  ])
  func hostileDimensionsAreProblems(_ key: String, _ value: String) throws {
    let (configuration, tensors) = try shipped("mamba")
    let lines = configuration.split(separator: "\n").map { line in
      line.hasPrefix("  \"\(key)\":") ? "  \"\(key)\": \(value)," : String(line)
    }
    guard case .checked(let problems) = check(lines.joined(separator: "\n"), tensors) else {
      Issue.record("not checked")
      return
    }
    #expect(!problems.isEmpty)
    #expect(problems.count <= 21)
  }

  @Test(arguments: [
    ("mamba_multimodal", "image_size", "97"), ("mamba_multimodal", "vision_channels", "[]"),
    ("mamba_multimodal", "vision_channels", "[1073741824]"),
    ("mamba_multimodal", "image_directions", "[\"forward\", \"forward\"]"),
    ("ocr_native", "layer_directions", "[\"backward\"]"), ("ocr_native", "stem_width_strides", "[2, 2, 5]"),
    ("mamba_multimodal", "num_channels", "1073741824"), ("mamba_multimodal", "image_size", "1073741824"),
    ("ocr_native", "image_height", "33"), ("ocr_native", "image_height", "1073741824"),
    ("ocr_native", "stem_channels", "[]"), ("ocr_native", "stem_channels", "[1, 2, 3, 4, 5, 6, 7, 8, 9]"),
    ("ocr_native", "stem_channels", "[24, 48, null]"),
    ("ocr_native", "stem_channels", "[1073741824, 1073741824, 1073741824]"),
    ("ocr_native", "stem_width_strides", "[2]"), ("ocr_native", "stem_channels", "96"),
  ])
  func hostileDimensionsOfOwnModelsAreProblems(_ model: String, _ key: String, _ value: String) throws {
    let (configuration, tensors) = try shipped(model)
    let start = try #require(configuration.range(of: "  \"\(key)\": "))
    let rest = configuration[start.upperBound...]
    let end = try #require(rest.range(of: ",\n  \"")).lowerBound
    let hostile = configuration[..<start.upperBound] + value + configuration[end...]
    guard case .checked(let problems) = check(String(hostile), tensors) else {
      Issue.record("not checked")
      return
    }
    #expect(!problems.isEmpty)
    #expect(problems.count <= 21)
  }
}
