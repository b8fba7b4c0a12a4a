import Tensors

/// The conventions of compressed-tensors: symmetric, rounded to nearest, no calibration.
enum CompressedTensors {
  /// What config.json says of a group of modules.
  static func group(bits: Int, targets: [String], size: Int?) -> JSONDocument {
    .object([
      .init(name: "targets", value: .array(targets.map { .string($0) })),
      .init(
        name: "weights",
        value: .object([
          .init(name: "num_bits", value: .integer(bits)), .init(name: "type", value: .string("int")),
          .init(name: "symmetric", value: .bool(true)),
          .init(name: "strategy", value: .string(size == nil ? "channel" : "group")),
          .init(name: "group_size", value: size.map { .integer($0) } ?? .null),
          .init(name: "dynamic", value: .bool(false)), .init(name: "observer", value: .string("minmax")),
        ])),
      .init(name: "input_activations", value: .null), .init(name: "output_activations", value: .null),
      .init(name: "format", value: .string(format(bits))),
    ])
  }

  static func format(_ bits: Int) -> String { bits == 8 ? "int-quantized" : "pack-quantized" }

  static func configuration(_ format: String, _ groups: [JSONDocument], ignoring: [String]) -> JSONDocument {
    .object([
      .init(name: "quant_method", value: .string("compressed-tensors")),
      .init(name: "format", value: .string(format)),
      .init(name: "quantization_status", value: .string("compressed")),
      .init(name: "ignore", value: .array(ignoring.map { .string($0) })),
      .init(name: "kv_cache_scheme", value: .null),
      .init(
        name: "config_groups",
        value: .object(groups.enumerated().map { .init(name: "group_\($0.offset)", value: $0.element) })),
    ])
  }

  /// One signed byte for each element, and a scale for each row.
  static func append8(
    _ module: String, _ tensor: TensorDescriptor, _ index: Int, to tensors: inout QuantizedTensors
  ) throws(Withheld) {
    let (rows, width) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
    try tensors.append("\(module).weight", .int8, [rows, width], Recipe(.integers(width: width)), of: index)
    try tensors.append(
      "\(module).weight_scale", tensor.dtype, [rows, 1], Recipe(.scales(group: width, bits: 8)), of: index)
  }

  /// Two elements in a byte, a scale for each group of a row, and the shape.
  static func append4(
    _ module: String, _ tensor: TensorDescriptor, _ index: Int, group: Int?, to tensors: inout QuantizedTensors
  ) throws(Withheld) {
    let (rows, width) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
    let group = group ?? width
    try tensors.append(
      "\(module).weight_packed", .int32, [rows, (width + 7) / 8], Recipe(.packed(width: width, group: group)), of: index
    )
    try tensors.append(
      "\(module).weight_scale", tensor.dtype, [rows, width / max(1, group)], Recipe(.scales(group: group, bits: 4)),
      of: index)
    var shape: [UInt8] = []
    for dimension in [rows, width] { shape.append(number: Int64(dimension)) }
    tensors.append("\(module).weight_shape", .int64, [2], literal: shape)
  }
}

/// INT8, a scale for each row.
enum Int8Folder: QuantizedFolder {
  static let name = "int8"

  static func contents(
    _ input: ModelInput, _ weights: LinearWeights
  ) throws(Withheld) -> (tensors: QuantizedTensors, configuration: JSONDocument) {
    let tensors = try tensors(input, weights) { (module, tensor, index, tensors) throws(Withheld) in
      try CompressedTensors.append8(module, tensor, index, to: &tensors)
    }
    let group = CompressedTensors.group(bits: 8, targets: ["Linear"], size: nil)
    return (
      tensors, CompressedTensors.configuration(CompressedTensors.format(8), [group], ignoring: weights.ignored)
    )
  }
}

/// INT4, a scale for each group of 128, 64 or 32 elements where that divides all rows, else for each row.
enum Int4Folder: QuantizedFolder {
  static let name = "int4"

  static func contents(
    _ input: ModelInput, _ weights: LinearWeights
  ) throws(Withheld) -> (tensors: QuantizedTensors, configuration: JSONDocument) {
    // transformers touches the weight of this while it loads, which packed modules do not have.
    let touched = weights.modelType == "mamba" ? "out_proj" : nil
    func isTouched(_ module: String) -> Bool { touched.map { module.hasSuffix("." + $0) } ?? false }
    let widths = weights.modules.filter { !isTouched($0.name) }.map {
      input.stateDict.tensors[$0.index].shape.dimensions[1]
    }
    let size = [128, 64, 32].first { size in widths.allSatisfy { $0 % size == 0 } }
    let tensors = try tensors(input, weights) { (module, tensor, index, tensors) throws(Withheld) in
      if isTouched(module) {
        try CompressedTensors.append8(module, tensor, index, to: &tensors)
      } else {
        try CompressedTensors.append4(module, tensor, index, group: size, to: &tensors)
      }
    }
    guard let touched else {
      let group = CompressedTensors.group(bits: 4, targets: ["Linear"], size: size)
      return (
        tensors, CompressedTensors.configuration(CompressedTensors.format(4), [group], ignoring: weights.ignored)
      )
    }
    let groups = [
      CompressedTensors.group(bits: 4, targets: ["re:.*(in_proj|x_proj)$"], size: size),
      CompressedTensors.group(bits: 8, targets: ["re:.*\(touched)$"], size: nil),
    ]
    return (tensors, CompressedTensors.configuration("mixed-precision", groups, ignoring: weights.ignored))
  }
}
