package import Tensors

/// How a tensor is filled before training.
package enum TensorInitializer: Sendable, Hashable {
  case zeros
  case ones
  /// Uniform in [-bound, bound).
  case uniform(bound: Double)
  /// Normal around 0.
  case normal(deviation: Double)
  /// Element (..., j) is log(j + 1): Mamba's `A_log`, the S4D-real initialisation A = -(j + 1).
  case logarithmOfColumn
  /// b with softplus(b) = dt, dt log-uniform in [minimum, maximum): Mamba's `dt_proj.bias`.
  case timeStepBias(minimum: Double, maximum: Double)

  /// Uniform in +-1/sqrt(fanIn), torch's default for linear and convolution layers; `depth` layers on a residual stream
  /// divide it by sqrt(depth).
  package static func uniform(fanIn: Int, depth: Int = 1) -> TensorInitializer {
    .uniform(bound: 1 / Double(fanIn).squareRoot() / Double(depth).squareRoot())
  }

  /// The float32 elements of a tensor of `shape`, row-major, little-endian.
  ///
  /// Every element is computed in Double and rounded once, to the nearest Float.
  package func bytes(of shape: Shape, from generator: inout SplitMix64) -> [UInt8] {
    let count = shape.elementCount ?? 0
    let columns = max(shape.dimensions.last ?? 1, 1)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * 4)
    for index in 0..<count {
      let value = Float(element(column: index % columns, &generator))
      withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// The next element; `column` is its index along the last dimension.
  private func element(column: Int, _ generator: inout SplitMix64) -> Double {
    switch self {
    case .zeros: return 0
    case .ones: return 1
    case .uniform(let bound): return (2 * generator.nextUniform() - 1) * bound
    case .normal(let deviation): return generator.nextNormal() * deviation
    case .logarithmOfColumn: return ReproducibleMath.logarithm(Double(column + 1))
    case .timeStepBias(let minimum, let maximum):
      let low = ReproducibleMath.logarithm(minimum)
      let high = ReproducibleMath.logarithm(maximum)
      return ReproducibleMath.inverseSoftplus(
        ReproducibleMath.exponential(low + generator.nextUniform() * (high - low)))
    }
  }
}
