import Tensors

/// Weights that a config.json describes and a checkpoint holds, bound for the kernels.
package protocol ModelWeights: Sendable {
  /// Binds the tensors of `checkpoint` to the model that the text of config.json describes.
  ///
  /// - Throws: `badData` with every tensor that is missing, of another shape or dtype, or not finite.
  init(configuration: [UInt8], checkpoint: Checkpoint) throws
}

extension ShapeCheck {
  /// - Throws: `badData` with every tensor that is not as the text of config.json says.
  static func require(configuration: [UInt8], tensors: [TensorDescriptor]) throws(RuntimeError) {
    switch check(configuration: configuration, tensors: tensors) {
    case .checked(problems: []): return
    case .checked(let problems): throw RuntimeError(.badData, problems.joined(separator: "; "))
    case .notChecked(let reason): throw RuntimeError(.badData, "config.json: \(reason)")
    }
  }
}

extension ConfigurationFields {
  /// What RMSNorm adds to the mean square, of a model whose activation must be SiLU.
  func epsilonOfSiluModel() throws(Problem) -> Double {
    let activation = string("hidden_act") ?? "silu"
    guard activation == "silu" || activation == "swish" else {
      throw Problem("hidden_act: expected \"silu\", found \"\(activation.prefix(60))\"")
    }
    return try positiveNumber("layer_norm_epsilon", absent: 1e-5)
  }
}
