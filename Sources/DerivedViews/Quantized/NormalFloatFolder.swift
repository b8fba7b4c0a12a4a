import Tensors

/// 4-bit normal floats of bitsandbytes: blocks of 64 elements, whatever the rows.
enum NormalFloatFolder: QuantizedFolder {
  static let name = "nf4"

  private static let table: [Float] = [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ]

  static func contents(
    _ input: ModelInput, _ weights: LinearWeights
  ) throws(Withheld) -> (tensors: QuantizedTensors, configuration: JSONDocument) {
    let tensors = try tensors(input, weights) { (module, tensor, index, tensors) throws(Withheld) in
      try append("\(module).weight", tensor, index, to: &tensors)
    }
    let settings: [JSONDocument.Member] = [
      .init(name: "_load_in_4bit", value: .bool(true)), .init(name: "_load_in_8bit", value: .bool(false)),
      .init(name: "bnb_4bit_compute_dtype", value: .string("float32")),
      .init(name: "bnb_4bit_quant_storage", value: .string("uint8")),
      .init(name: "bnb_4bit_quant_type", value: .string("nf4")),
      .init(name: "bnb_4bit_use_double_quant", value: .bool(false)),
      .init(name: "llm_int8_enable_fp32_cpu_offload", value: .bool(false)),
      .init(name: "llm_int8_has_fp16_weight", value: .bool(false)),
      .init(name: "llm_int8_skip_modules", value: .array(skipped(weights).map { .string($0) })),
      .init(name: "llm_int8_threshold", value: .number(6)), .init(name: "load_in_4bit", value: .bool(true)),
      .init(name: "load_in_8bit", value: .bool(false)), .init(name: "quant_method", value: .string("bitsandbytes")),
    ]
    return (tensors, .object(settings))
  }

  /// Ends of the names of modules that stay, each once.
  private static func skipped(_ weights: LinearWeights) -> [String] {
    var names: [String] = []
    for module in weights.ignored {
      let end = module.split(separator: ".").last.map(String.init) ?? module
      if !names.contains(end) { names.append(end) }
    }
    return names
  }

  private static func append(
    _ name: String, _ tensor: TensorDescriptor, _ index: Int, to tensors: inout QuantizedTensors
  ) throws(Withheld) {
    let dimensions = tensor.shape.dimensions
    let count = tensor.shape.elementCount ?? 0
    try tensors.append(name, .uint8, [count / 2 + count % 2, 1], Recipe(.nf4Indices), of: index)
    try tensors.append(
      "\(name).absmax", .float32, [count / 64 + (count % 64 == 0 ? 0 : 1)], Recipe(.nf4Maxima), of: index)
    var map: [UInt8] = []
    for value in table { map.append(number: value.bitPattern) }
    tensors.append("\(name).quant_map", .float32, [16], literal: map)
    let state = Array(
      """
      {"quant_type": "nf4", "blocksize": 64, "dtype": "\(tensor.dtype.rawValue)", "shape": [\(dimensions[0]), \(dimensions[1])]}
      """.utf8)
    tensors.append("\(name).quant_state.bitsandbytes__nf4", .uint8, [state.count], literal: state)
  }
}
