import CMambaKernels
import Glibc
import Tensors

/// A checkpoint's tensors, as the kernels take them.
///
/// Matrices stay where the checkpoint has them, in their own dtype. Smaller tensors are copied as floats, in the order in
/// which vectors take them.
final class BoundTensors: @unchecked Sendable {
  // Tensors are bound while the object that owns this one is made; afterwards nothing is written, so threads may share it.
  private let checkpoint: Checkpoint
  private var owned: [UnsafeMutablePointer<Float>] = []
  /// Bytes that were copied.
  private(set) var copiedByteCount = 0

  /// - Throws: `badData`, naming every tensor of another dtype than the kernels', or with a NaN or an infinity, which would
  ///   make every answer meaningless.
  init(_ checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
    var found: [String] = []
    for tensor in checkpoint.tensors {
      let isFinite = try checkpoint.withTensor(tensor.name) { tensor, data in
        let element = try Self.element(tensor)
        return tantra_all_finite(data, tensor.shape.elementCount ?? 0, element)
      }
      if !isFinite { found.append(tensor.name) }
    }
    guard found.isEmpty else {
      throw RuntimeError(
        .badData, "NaN or infinity in \(found.prefix(8).joined(separator: ", "))\(found.count > 8 ? ", ..." : "")")
    }
  }

  deinit {
    for memory in owned { memory.deallocate() }
  }

  /// Whether the matrices are the checkpoint file's own pages.
  var isMapped: Bool { checkpoint.isMapped }
  /// The tensors' names, dtypes and shapes.
  var tensors: [TensorDescriptor] { checkpoint.tensors }

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

  /// Zeros that belong to this object.
  private func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: max(count, 1))
    memory.initialize(repeating: 0, count: max(count, 1))
    owned.append(memory)
    copiedByteCount += count * 4
    return memory
  }

  /// The matrix as the checkpoint has it.
  func matrix(_ name: String) throws -> tantra_matrix {
    try checkpoint.withTensor(name) { tensor, data in
      tantra_matrix(
        data: data, rows: tensor.shape.dimensions[0], columns: tensor.shape.dimensions[1],
        element: try Self.element(tensor))
    }
  }

  /// A matrix of floats that belongs to this object.
  func matrix(of values: [Float], rows: Int, columns: Int) -> tantra_matrix {
    tantra_matrix(data: vector(of: values), rows: rows, columns: columns, element: Int32(TANTRA_F32))
  }

  /// The elements of a tensor as floats.
  func values(_ name: String) throws -> [Float] {
    try checkpoint.withTensor(name) { tensor, data in
      let count = tensor.shape.elementCount ?? 0
      let element = try Self.element(tensor)
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        if let base = buffer.baseAddress { tantra_widen(data, count, element, base) }
        initialized = count
      }
    }
  }

  /// A copy of a tensor as floats.
  func vector(_ name: String) throws -> UnsafePointer<Float> { vector(of: try values(name)) }

  /// A copy that belongs to this object.
  func vector(of values: [Float]) -> UnsafePointer<Float> {
    let memory = allocate(values.count)
    memory.update(from: values, count: values.count)
    return UnsafePointer(memory)
  }

  /// (channels, rows) becomes (block, row, channel in the block), padded with zeros.
  private func blocks(
    _ values: [Float], channels: Int, rows: Int, _ transform: (Float) -> Float = { $0 }
  ) -> UnsafePointer<Float> {
    let width = TANTRA_BLOCK
    let memory = allocate((channels + width - 1) / width * width * rows)
    for channel in 0..<channels {
      for row in 0..<rows {
        memory[(channel / width * rows + row) * width + channel % width] = transform(values[channel * rows + row])
      }
    }
    return UnsafePointer(memory)
  }

  /// The tensors of the Mamba layer whose names begin with `prefix`.
  func layer(_ prefix: String, _ size: MambaLayers) throws -> tantra_layer {
    let mixer = prefix + "mixer."
    let inner = size.innerSize
    func perChannel(_ name: String, rows: Int = 1) throws -> UnsafePointer<Float> {
      blocks(try values(mixer + name), channels: inner, rows: rows)
    }
    var layer = tantra_layer()
    layer.norm = try vector(prefix + "norm.weight")
    layer.in_proj = try matrix(mixer + "in_proj.weight")
    layer.x_proj = try matrix(mixer + "x_proj.weight")
    layer.out_proj = try matrix(mixer + "out_proj.weight")
    if size.hasProjectionBias {
      layer.in_bias = try vector(mixer + "in_proj.bias")
      layer.out_bias = try vector(mixer + "out_proj.bias")
    }
    layer.convolution = try perChannel("conv1d.weight", rows: size.convolutionKernel)
    layer.convolution_bias =
      size.hasConvolutionBias
      ? try perChannel("conv1d.bias") : blocks([Float](repeating: 0, count: inner), channels: inner, rows: 1)
    layer.dt_proj = try perChannel("dt_proj.weight", rows: size.timeStepRank)
    layer.dt_bias = try perChannel("dt_proj.bias")
    layer.skip = try perChannel("D")
    layer.decay = blocks(try values(mixer + "A_log"), channels: inner, rows: size.stateSize) {
      Float(-exp(Double($0)) * 1.4426950408889634)
    }
    return layer
  }
}
