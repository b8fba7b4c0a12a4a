package import Tensors

/// Compares a state dict with what its config.json announces.
package enum ShapeCheck {
  /// What came of a check.
  package enum Outcome: Sendable, Hashable {
    /// The model type is known; no problems mean that every tensor is there, and as config.json says.
    case checked(problems: [String])
    /// The model type is not one that Tantra knows.
    case notChecked(reason: String)
  }

  /// How many problems are listed; one more line counts the rest.
  private static let listedProblems = 20

  /// Checks `tensors` against the text of config.json, both untrusted.
  ///
  /// Knows `mamba` with any dimensions (as transformers builds `MambaForCausalLM` and `MambaModel`), `mamba_multimodal`
  /// and `ocr_native`. O(tensors).
  package static func check(configuration bytes: [UInt8], tensors: [TensorDescriptor]) -> Outcome {
    do throws(ConfigurationFields.Problem) {
      let fields = try ConfigurationFields(parsing: bytes)
      guard let type = fields.string("model_type") else {
        return .notChecked(reason: "config.json names no model_type")
      }
      let names = Set(tensors.lazy.map(\.name))
      guard let expectation = try expectation(of: type, fields, names: names) else {
        return .notChecked(reason: "unknown model type \(excerpt(type))")
      }
      return .checked(problems: listed(problems(of: tensors, expectation)))
    } catch {
      return .checked(problems: ["config.json: \(error.description)"])
    }
  }

  /// What a state dict must hold, and what it may hold besides.
  private struct Expectation {
    var required: [TensorSpecification]
    var optional: [TensorSpecification] = []
  }

  /// Nil for an unknown model type.
  private static func expectation(
    of type: String, _ fields: ConfigurationFields, names: Set<String>
  ) throws(ConfigurationFields.Problem) -> Expectation? {
    switch type {
    case "mamba":
      let model = try MambaModel(reading: fields, tensorCount: names.count)
      // `MambaModel` alone is saved without the prefix and without a head.
      let isBackbone = fields.strings("architectures") == ["MambaModel"]
      var required = model.tensors
      if isBackbone {
        required = required.filter { $0.name.hasPrefix("backbone.") }
        for index in required.indices { required[index].name.removeFirst("backbone.".count) }
      }
      // The name in the weights that Mamba's authors published; transformers reads it too.
      let published = isBackbone ? "embedding.weight" : "backbone.embedding.weight"
      if names.contains(published), let first = required.indices.first { required[first].name = published }
      return Expectation(required: required, optional: model.tiesEmbeddings && !isBackbone ? [model.head] : [])
    case "mamba_multimodal":
      return Expectation(required: try MambaMultimodalModel(reading: fields, tensorCount: names.count).tensors)
    case "ocr_native":
      return Expectation(required: try OcrNativeModel(reading: fields, tensorCount: names.count).tensors)
    default:
      return nil
    }
  }

  private static func problems(of tensors: [TensorDescriptor], _ expectation: Expectation) -> [String] {
    var problems: [String] = []
    var found: [String: TensorDescriptor] = [:]
    for tensor in tensors where found.updateValue(tensor, forKey: tensor.name) != nil {
      problems.append("\(excerpt(tensor.name)): listed twice")
    }
    for specification in expectation.required + expectation.optional {
      guard let tensor = found.removeValue(forKey: specification.name) else { continue }
      if tensor.shape != specification.shape {
        problems.append(
          "\(tensor.name): config.json says shape \(specification.shape), found \(excerpt(tensor.shape.description))")
      }
      if !tensor.dtype.isFloatingPoint {
        problems.append("\(tensor.name): expected a floating-point dtype, found \(tensor.dtype.rawValue)")
      }
    }
    let names = Set(tensors.lazy.map(\.name))
    for specification in expectation.required where !names.contains(specification.name) {
      problems.append("\(specification.name): missing, config.json says shape \(specification.shape)")
    }
    for tensor in tensors where found[tensor.name] != nil {
      problems.append("\(excerpt(tensor.name)): not a tensor of the model that config.json describes")
    }
    return problems
  }

  private static func listed(_ problems: [String]) -> [String] {
    guard problems.count > listedProblems else { return problems }
    return problems.prefix(listedProblems) + ["and \(problems.count - listedProblems) more"]
  }

  /// The beginning of a text that a file chose, on one line.
  private static func excerpt(_ text: String) -> String {
    let line = String(text.prefix(100).map { $0.isNewline || $0 == "\0" ? "?" : $0 })
    return text.count > 100 ? line + "..." : line
  }
}

extension DType {
  /// Whether a model's parameters can be of this type.
  fileprivate var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0FNU: true
    default: false
    }
  }
}
