import CMambaKernels

/// A stage of a convolutional stem, bound for the kernels: 3x3 convolution (padding 1), LayerNorm over the channels of every
/// pixel, SiLU.
struct ConvolutionStage: @unchecked Sendable {
  // The pointers name memory of the tensors that the stage was bound from, whose owner keeps them.
  private let stage: tantra_stage

  /// - Parameter prefix: `stem.` or `vision.`; the names go on with `stages.<index>.`.
  init(_ tensors: BoundTensors, prefix: String, index: Int, rowStride: Int, columnStride: Int) throws {
    let name = prefix + "stages.\(index)."
    let bias = try tensors.values(name + "conv.bias")
    let weight = try tensors.values(name + "conv.weight")
    let outputs = bias.count
    let inputs = weight.count / (9 * max(outputs, 1))
    // (outputs, inputs, 9) becomes (outputs, 9, inputs): a row of the kernel then meets a stretch of a map's memory.
    var arranged = weight
    for output in 0..<outputs {
      for input in 0..<inputs {
        for tap in 0..<9 { arranged[(output * 9 + tap) * inputs + input] = weight[(output * inputs + input) * 9 + tap] }
      }
    }
    var stage = tantra_stage()
    stage.inputs = inputs
    stage.outputs = outputs
    stage.row_stride = rowStride
    stage.column_stride = columnStride
    stage.weight = tensors.matrix(of: arranged, rows: outputs, columns: 9 * inputs)
    stage.bias = tensors.vector(of: bias)
    stage.scale = try tensors.vector(name + "norm.weight")
    stage.shift = try tensors.vector(name + "norm.bias")
    stage.epsilon = 1e-5
    self.stage = stage
  }

  /// What stages with these channels are stored as, in order.
  static func tensors(prefix: String, inputs: Int, channels: [Int]) -> [TensorSpecification] {
    zip([inputs] + channels, channels).enumerated().flatMap { index, size in
      let (inputs, outputs) = size
      let stage = prefix + "stages.\(index)."
      return [
        TensorSpecification(stage + "conv.weight", [outputs, inputs, 3, 3], .uniform(fanIn: inputs * 9)),
        TensorSpecification(stage + "conv.bias", [outputs], .zeros),
        TensorSpecification(stage + "norm.weight", [outputs], .ones),
        TensorSpecification(stage + "norm.bias", [outputs], .zeros),
      ]
    }
  }

  /// Columns of the widest matrix of stages with these channels.
  static func widest(inputs: Int, channels: [Int]) -> Int {
    (([inputs] + channels).dropLast().max() ?? 0) * 9
  }

  /// The map that the stage makes of another; `kernel` does it.
  func run(
    over map: FeatureMap,
    _ kernel: (UnsafePointer<tantra_stage>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) -> FeatureMap {
    precondition(map.channels == stage.inputs && map.rows > 0 && map.columns > 0)
    var made = FeatureMap(
      rows: (map.rows - 1) / stage.row_stride + 1, columns: (map.columns - 1) / stage.column_stride + 1,
      channels: stage.outputs)
    withUnsafePointer(to: stage) { stage in
      map.values.withUnsafeBufferPointer { input in
        made.values.withUnsafeMutableBufferPointer { output in
          guard let input = input.baseAddress, let output = output.baseAddress else { return }
          kernel(stage, input, output)
        }
      }
    }
    return made
  }
}
