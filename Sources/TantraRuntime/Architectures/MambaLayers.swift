/// The dimensions of a stack of Mamba layers (Gu, Dao: Mamba, 2023; names as in transformers' `MambaMixer`).
///
/// Each layer adds to its input h, (time, hidden): RMSNorm; in_proj gives x and z; x goes through a causal depthwise
/// convolution and SiLU; x_proj gives dt, B and C; dt = softplus(dt_proj(dt)); the scan s = exp(-exp(A_log) dt) s + dt B x,
/// y = C s + D x; out_proj of y SiLU(z) is added to h.
package struct MambaLayers: Sendable, Hashable {
  /// Layers of the stack.
  package var count: Int
  /// Width of the residual stream.
  package var hiddenSize: Int
  /// Channels of the scan: the expansion factor times the hidden size.
  package var innerSize: Int
  /// Numbers of state for each channel.
  package var stateSize: Int
  /// Taps of the causal convolution.
  package var convolutionKernel: Int
  /// Rank of the time step's projection.
  package var timeStepRank: Int
  /// Whether in_proj and out_proj have a bias.
  package var hasProjectionBias = false
  /// Whether the causal convolution has a bias.
  package var hasConvolutionBias = true

  /// The tensors of all layers and of the norm that follows them, named below `prefix` (`backbone.`), in the order of
  /// torch's `state_dict()`.
  package func tensors(prefix: String) -> [TensorSpecification] {
    (0..<count).flatMap { layer in tensors(ofLayer: prefix + "layers.\(layer).") }
      + [TensorSpecification(prefix + "norm_f.weight", [hiddenSize], .ones)]
  }

  private func tensors(ofLayer layer: String) -> [TensorSpecification] {
    let mixer = layer + "mixer."
    var tensors = [
      TensorSpecification(layer + "norm.weight", [hiddenSize], .ones),
      TensorSpecification(mixer + "A_log", [innerSize, stateSize], .logarithmOfColumn),
      TensorSpecification(mixer + "D", [innerSize], .ones),
      TensorSpecification(
        mixer + "conv1d.weight", [innerSize, 1, convolutionKernel], .uniform(fanIn: convolutionKernel)),
    ]
    if hasConvolutionBias {
      tensors.append(TensorSpecification(mixer + "conv1d.bias", [innerSize], .uniform(fanIn: convolutionKernel)))
    }
    tensors.append(
      TensorSpecification(mixer + "in_proj.weight", [2 * innerSize, hiddenSize], .uniform(fanIn: hiddenSize)))
    if hasProjectionBias { tensors.append(TensorSpecification(mixer + "in_proj.bias", [2 * innerSize], .zeros)) }
    tensors += [
      TensorSpecification(
        mixer + "x_proj.weight", [timeStepRank + 2 * stateSize, innerSize], .uniform(fanIn: innerSize)),
      TensorSpecification(mixer + "dt_proj.weight", [innerSize, timeStepRank], .uniform(fanIn: timeStepRank)),
      TensorSpecification(mixer + "dt_proj.bias", [innerSize], .timeStepBias(minimum: 0.001, maximum: 0.1)),
      TensorSpecification(
        mixer + "out_proj.weight", [hiddenSize, innerSize], .uniform(fanIn: innerSize, depth: count)),
    ]
    if hasProjectionBias { tensors.append(TensorSpecification(mixer + "out_proj.bias", [hiddenSize], .zeros)) }
    return tensors
  }

  /// What config.json says of layers that read in turns: even ones forwards, odd ones backwards.
  package var alternatingDirections: ConfigurationValue {
    .array((0..<count).map { .string($0 % 2 == 0 ? "forward" : "backward") })
  }

  /// What config.json says of the stack, under the keys of transformers' `MambaConfig`.
  package var configuration: [String: ConfigurationValue] {
    [
      "hidden_size": .integer(hiddenSize),
      "num_hidden_layers": .integer(count),
      "state_size": .integer(stateSize),
      "expand": .integer(innerSize / max(hiddenSize, 1)),
      "intermediate_size": .integer(innerSize),
      "conv_kernel": .integer(convolutionKernel),
      "time_step_rank": .integer(timeStepRank),
      "use_bias": .boolean(hasProjectionBias),
      "use_conv_bias": .boolean(hasConvolutionBias),
      "layer_norm_epsilon": .number(1e-5),
      "hidden_act": .string("silu"),
      "dtype": .string("float32"),
      // What the initialisation above does, so that a trainer can repeat it.
      "initializer_range": .number(0.02),
      // False although out_proj is divided: where it is true, transformers divides the weights that it loads once more.
      "rescale_prenorm_residual": .boolean(false),
      "time_step_min": .number(0.001),
      "time_step_max": .number(0.1),
      "time_step_floor": .number(1e-4),
      "time_step_scale": .number(1),
      "time_step_init_scheme": .string("random"),
    ]
  }
}
