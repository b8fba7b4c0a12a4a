import CMambaKernels

/// The Mamba layers of a model, the norm after them and the head, bound for the kernels.
final class MambaStack: @unchecked Sendable {
  // Everything is written in init only, and the memory that the pointers name belongs to this object and the tensors, so
  // threads may share it.
  private let tensors: BoundTensors
  private let layers: UnsafeMutablePointer<tantra_layer>
  /// What the kernels read; valid while this object lives.
  let model: UnsafeMutablePointer<tantra_mamba>
  /// The dimensions.
  let dimensions: MambaLayers

  /// Where a stack's rows come from and go to.
  struct Ends {
    /// A row for each token; of any shape if the rows come from elsewhere.
    var embeddings = tantra_matrix()
    var head: tantra_matrix
    var headBias: UnsafePointer<Float>?
  }

  /// - Parameters:
  ///   - prefix: what the names of the layers and the norm begin with.
  ///   - widest: columns of the widest matrix that the model has besides its layers.
  init(
    _ tensors: BoundTensors, prefix: String, dimensions: MambaLayers, epsilon: Double, ends: Ends, widest: Int = 0
  ) throws {
    self.tensors = tensors
    self.dimensions = dimensions
    layers = .allocate(capacity: dimensions.count)
    layers.initialize(repeating: tantra_layer(), count: dimensions.count)
    model = .allocate(capacity: 1)
    model.initialize(to: tantra_mamba())
    for index in 0..<dimensions.count {
      layers[index] = try tensors.layer(prefix + "layers.\(index).", dimensions)
    }
    var values = tantra_mamba()
    values.layer_count = dimensions.count
    values.hidden = dimensions.hiddenSize
    values.inner = dimensions.innerSize
    values.state = dimensions.stateSize
    values.kernel = dimensions.convolutionKernel
    values.rank = dimensions.timeStepRank
    values.widest = widest
    values.epsilon = Float(epsilon)
    values.layers = UnsafePointer(layers)
    values.norm = try tensors.vector(prefix + "norm_f.weight")
    values.embeddings = ends.embeddings
    values.head = ends.head
    values.head_bias = ends.headBias
    model.pointee = values
  }

  deinit {
    layers.deallocate()
    model.deallocate()
  }
}
