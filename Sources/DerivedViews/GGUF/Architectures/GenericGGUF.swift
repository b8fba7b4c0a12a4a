import Tensors
import WeightFormats

/// A state dict that is no known architecture: every tensor under its own name, as far as GGUF can say it, and keys for what it
/// cannot. Viewers and loaders of tensors read it; llama.cpp runs none.
enum GenericGGUF: GGUFArchitecture {
  static let modelTypes: [String] = []

  /// Dimensions that a tensor may have in GGUF.
  private static let dimensionLimit = 4

  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel {
    try model(input)
  }

  static func model(_ input: ModelInput) throws(Withheld) -> GGUFModel {
    var architecture = input.configuration?["model_type"]?.text ?? ""
    if architecture.isEmpty { architecture = GGUFModel.unknownArchitecture }
    var tensors: [GGUFModel.Tensor] = []
    var extra: [GGUFKey] = []
    for (index, tensor) in input.stateDict.tensors.enumerated() {
      let name = shortName(tensor.name)
      if name.utf8.count != tensor.name.utf8.count {
        extra.append(GGUFKey("tantra.name.\(name)", .string(tensor.name)))
      }
      var shape = tensor.shape.dimensions
      let change = try change(of: tensor)
      if [DType.complex64, .complex128].contains(tensor.dtype) { shape.append(2) }
      if shape.count > dimensionLimit {
        extra.append(
          GGUFKey("comfy.gguf.orig_shape.\(name)", .int32s(shape.map { Int32(clamping: $0) })))
        let kept = shape.suffix(dimensionLimit - 1)
        let folded = shape.dropLast(dimensionLimit - 1).reduce(1) {
          $0.multipliedReportingOverflow(by: $1).partialValue
        }
        shape = [folded] + kept
      }
      if hasOtherType(tensor.dtype) {
        extra.append(GGUFKey("tantra.dtype.\(name)", .string(tensor.dtype.rawValue)))
      }
      tensors.append(
        GGUFModel.Tensor(name: name, source: index, shape: shape, change: change))
    }
    guard Set(tensors.map { ByteString($0.name) }).count == tensors.count else {
      throw Withheld("two tensors would have one name")
    }
    let keys =
      generalKeys(architecture, input, parameterCount: parameterCount(tensors)) + [
        GGUFKey("general.file_type", .fileType), GGUFKey("general.quantization_version", .uint32(2)),
      ]
    return GGUFModel(keys: keys + extra, tensors: tensors, isRun: false)
  }

  private static func change(of tensor: TensorDescriptor) throws(Withheld) -> GGUFModel.Tensor.Change {
    switch tensor.dtype {
    case .float32, .float16, .bfloat16: return .none
    case .float8E4M3FN, .float8E5M2: return .half
    default:
      guard let type = GGUFType(storing: tensor.dtype) else {
        throw Withheld("tensor \"\(tensor.name)\" is \(tensor.dtype.rawValue), which GGUF has no type for")
      }
      return .stored(type)
    }
  }

  /// Whether the type in the file does not say what the dtype was.
  private static func hasOtherType(_ dtype: DType) -> Bool {
    switch dtype {
    case .float32, .float16, .bfloat16, .float64, .int8, .int16, .int32, .int64: false
    default: true
    }
  }

  /// A name of at most 63 bytes: the first 40, as whole characters, and a part of the SHA-256 of the whole, if it has more.
  static func shortName(_ name: String) -> String {
    guard name.utf8.count > GGUFModel.nameByteLimit else { return name }
    var beginning = ""
    for scalar in name.unicodeScalars {
      guard beginning.utf8.count + String(scalar).utf8.count <= 40 else { break }
      beginning.unicodeScalars.append(scalar)
    }
    return beginning + "~" + Digest(of: Array(name.utf8)).hexadecimal.prefix(16)
  }
}
