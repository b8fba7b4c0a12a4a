package import CMambaKernels
import Glibc
package import Tensors

/// A Mamba's weights, as the kernels take them.
///
/// Matrices stay where the checkpoint has them, in their own dtype, and are read from there. Only what belongs to single
/// channels (norms, convolution, time step, A, D; about 2% of a model) is copied, as floats in blocks of channels.
package final class MambaWeights: @unchecked Sendable {
  // Everything is written in init only, and the memory that the pointers name belongs to this object and the checkpoint,
  // so threads may share it.
  private let checkpoint: Checkpoint
  private var owned: [UnsafeMutablePointer<Float>] = []
  private let layers: UnsafeMutablePointer<tantra_layer>
  /// What the kernels read; valid while this object lives.
  package let model: UnsafeMutablePointer<tantra_mamba>
  /// The dimensions.
  package let configuration: MambaModel
  /// The token that begins a text, if config.json names one.
  package let beginning: Int32?
  /// The tokens that end a text.
  package let endings: Set<Int32>
  /// Bytes that were copied.
  package private(set) var copiedByteCount = 0

  /// Binds the tensors of `checkpoint` to the model that the text of config.json describes.
  ///
  /// - Throws: `badData` with every tensor that is missing, of another shape or dtype, or not finite.
  package init(configuration bytes: [UInt8], checkpoint: Checkpoint) throws {
    let fields: ConfigurationFields
    let epsilon: Double
    let size: MambaModel
    do throws(ConfigurationFields.Problem) {
      fields = try ConfigurationFields(parsing: bytes)
      guard let type = fields.string("model_type"), type == "mamba" else {
        throw ConfigurationFields.Problem(
          "model_type: expected \"mamba\", which is what this runtime runs, found "
            + (fields.string("model_type").map { "\"\($0.prefix(60))\"" } ?? "nothing"))
      }
      let activation = fields.string("hidden_act") ?? "silu"
      guard activation == "silu" || activation == "swish" else {
        throw ConfigurationFields.Problem("hidden_act: expected \"silu\", found \"\(activation.prefix(60))\"")
      }
      size = try MambaModel(reading: fields, tensorCount: checkpoint.tensors.count)
      epsilon = try fields.positiveNumber("layer_norm_epsilon", absent: 1e-5)
      endings = Set(try fields.tokens("eos_token_id"))
      beginning = try fields.tokens("bos_token_id").first
    } catch {
      throw RuntimeError(.badData, "config.json: \(error.description)")
    }
    guard case .checked(problems: []) = ShapeCheck.check(configuration: bytes, tensors: checkpoint.tensors) else {
      guard case .checked(let problems) = ShapeCheck.check(configuration: bytes, tensors: checkpoint.tensors) else {
        throw RuntimeError(.badData, "config.json: not a model that this runtime knows")
      }
      throw RuntimeError(.badData, problems.joined(separator: "; "))
    }
    self.checkpoint = checkpoint
    configuration = size
    let dimensions = size.layers
    layers = .allocate(capacity: dimensions.count)
    layers.initialize(repeating: tantra_layer(), count: dimensions.count)
    model = .allocate(capacity: 1)
    model.initialize(to: tantra_mamba())

    try Self.check(checkpoint)
    let names = Set(checkpoint.tensors.lazy.map(\.name))
    let prefix = names.contains("norm_f.weight") ? "" : "backbone."
    let embeddings = prefix + (names.contains(prefix + "embedding.weight") ? "embedding.weight" : "embeddings.weight")
    for index in 0..<dimensions.count {
      layers[index] = try layer(prefix + "layers.\(index).", dimensions)
    }
    var values = tantra_mamba()
    values.layer_count = dimensions.count
    values.hidden = dimensions.hiddenSize
    values.inner = dimensions.innerSize
    values.state = dimensions.stateSize
    values.kernel = dimensions.convolutionKernel
    values.rank = dimensions.timeStepRank
    values.epsilon = Float(epsilon)
    values.layers = UnsafePointer(layers)
    values.norm = UnsafePointer(try vector(prefix + "norm_f.weight"))
    values.embeddings = try matrix(embeddings)
    // A tied head that was saved as well is the same matrix.
    values.head = try size.tiesEmbeddings ? values.embeddings : matrix("lm_head.weight")
    model.pointee = values
  }

  deinit {
    for memory in owned { memory.deallocate() }
    layers.deallocate()
    model.deallocate()
  }

  /// Whether the matrices are the checkpoint file's own pages.
  package var isMapped: Bool { checkpoint.isMapped }
  /// Bytes of all tensors.
  package var byteCount: Int { checkpoint.tensors.reduce(0) { $0 + $1.byteCount } }
  /// The tensors' names, dtypes and shapes.
  package var tensors: [TensorDescriptor] { checkpoint.tensors }

  private static func element(_ tensor: TensorDescriptor) throws(RuntimeError) -> Int32 {
    switch tensor.dtype {
    case .float32: Int32(TANTRA_F32)
    case .float16: Int32(TANTRA_F16)
    case .bfloat16: Int32(TANTRA_BF16)
    default:
      throw RuntimeError(
        .badData, "\(tensor.name): expected float32, float16 or bfloat16, found \(tensor.dtype.rawValue)")
    }
  }

  /// Names the tensors that hold a NaN or an infinity, which would make every answer meaningless.
  private static func check(_ checkpoint: Checkpoint) throws {
    var found: [String] = []
    for tensor in checkpoint.tensors {
      let isFinite = try checkpoint.withTensor(tensor.name) { tensor, data in
        let element = try element(tensor)
        return tantra_all_finite(data, tensor.shape.elementCount ?? 0, element)
      }
      if !isFinite { found.append(tensor.name) }
    }
    guard found.isEmpty else {
      throw RuntimeError(
        .badData, "NaN or infinity in \(found.prefix(8).joined(separator: ", "))\(found.count > 8 ? ", ..." : "")")
    }
  }

  private func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: count)
    memory.initialize(repeating: 0, count: count)
    owned.append(memory)
    copiedByteCount += count * 4
    return memory
  }

  private func matrix(_ name: String) throws -> tantra_matrix {
    try checkpoint.withTensor(name) { tensor, data in
      tantra_matrix(
        data: data, rows: tensor.shape.dimensions[0], columns: tensor.shape.dimensions[1],
        element: try Self.element(tensor))
    }
  }

  private func values(_ name: String) throws -> [Float] {
    try checkpoint.withTensor(name) { tensor, data in
      let count = tensor.shape.elementCount ?? 0
      let element = try Self.element(tensor)
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        if let base = buffer.baseAddress { tantra_widen(data, count, element, base) }
        initialized = count
      }
    }
  }

  private func vector(_ name: String) throws -> UnsafeMutablePointer<Float> {
    let values = try values(name)
    let memory = allocate(values.count)
    memory.update(from: values, count: values.count)
    return memory
  }

  /// (channels, rows) becomes (block, row, channel in the block), padded with zeros.
  private func blocks(
    _ values: [Float], channels: Int, rows: Int, _ transform: (Float) -> Float = { $0 }
  ) -> UnsafeMutablePointer<Float> {
    let width = TANTRA_BLOCK
    let memory = allocate((channels + width - 1) / width * width * rows)
    for channel in 0..<channels {
      for row in 0..<rows {
        memory[(channel / width * rows + row) * width + channel % width] = transform(values[channel * rows + row])
      }
    }
    return memory
  }

  private func layer(_ prefix: String, _ size: MambaLayers) throws -> tantra_layer {
    let mixer = prefix + "mixer."
    let inner = size.innerSize
    func perChannel(_ name: String, rows: Int = 1) throws -> UnsafePointer<Float> {
      UnsafePointer(blocks(try values(mixer + name), channels: inner, rows: rows))
    }
    var layer = tantra_layer()
    layer.norm = UnsafePointer(try vector(prefix + "norm.weight"))
    layer.in_proj = try matrix(mixer + "in_proj.weight")
    layer.x_proj = try matrix(mixer + "x_proj.weight")
    layer.out_proj = try matrix(mixer + "out_proj.weight")
    if size.hasProjectionBias {
      layer.in_bias = UnsafePointer(try vector(mixer + "in_proj.bias"))
      layer.out_bias = UnsafePointer(try vector(mixer + "out_proj.bias"))
    }
    layer.convolution = try perChannel("conv1d.weight", rows: size.convolutionKernel)
    layer.convolution_bias =
      size.hasConvolutionBias
      ? try perChannel("conv1d.bias")
      : UnsafePointer(blocks([Float](repeating: 0, count: inner), channels: inner, rows: 1))
    layer.dt_proj = try perChannel("dt_proj.weight", rows: size.timeStepRank)
    layer.dt_bias = try perChannel("dt_proj.bias")
    layer.skip = try perChannel("D")
    layer.decay = UnsafePointer(
      blocks(try values(mixer + "A_log"), channels: inner, rows: size.stateSize) {
        Float(-exp(Double($0)) * 1.4426950408889634)
      })
    return layer
  }
}
