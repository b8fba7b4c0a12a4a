import CMambaKernels

/// What turns an image into tokens of a ``MambaMultimodalModel``, bound for the kernels.
struct VisionWeights: @unchecked Sendable {
  // The pointers name memory of the tensors that they were bound from, whose owner keeps them.
  /// The dimensions.
  let size: MambaMultimodalModel
  private let stages: [ConvolutionStage]
  private let projection: tantra_matrix
  private let bias: UnsafePointer<Float>
  private let positions: [Float]
  private let norm: [Float]
  private let epsilon: Float
  /// What is added to every token of an image.
  private let imageModality: [Float]
  /// What is added to every byte.
  let textModality: [Float]

  /// Binds the tensors whose names begin with `vision.`, and the two modalities.
  init(_ tensors: BoundTensors, _ size: MambaMultimodalModel, epsilon: Float) throws {
    self.size = size
    self.epsilon = epsilon
    stages = try size.visionChannels.indices.map {
      try ConvolutionStage(tensors, prefix: "vision.", index: $0, rowStride: 2, columnStride: 2)
    }
    projection = try tensors.matrix("vision.projection.weight")
    bias = try tensors.vector("vision.projection.bias")
    positions = try tensors.values("vision.position_embedding.weight")
    norm = try tensors.values("vision.norm.weight")
    let modalities = try tensors.values("modality_embedding.weight")
    textModality = Array(modalities.prefix(size.layers.hiddenSize))
    imageModality = Array(modalities.suffix(size.layers.hiddenSize))
  }

  /// Columns of the widest matrix.
  var widest: Int {
    max(ConvolutionStage.widest(inputs: size.channelCount, channels: size.visionChannels), projection.columns)
  }

  /// The tokens of an image of the model's size: (tokens, hidden).
  func tokens(of image: RasterImage, _ team: MambaTeam) -> [Float] {
    precondition(image.width == size.imageSize && image.height == size.imageSize)
    var map = FeatureMap(rows: image.height, columns: image.width, channels: size.channelCount)
    for row in 0..<image.height {
      let first = map.index(row, 0)
      for index in 0..<image.width * size.channelCount {
        map.values[first + index] = Float(image.values[row * image.width * size.channelCount + index]) / 255
      }
    }
    for stage in stages { map = team.run(stage, over: map) }
    var tokens = team.project(map.pixels, by: projection, bias: bias)
    for index in tokens.indices { tokens[index] += positions[index] }
    RootMeanSquareNorm.apply(to: &tokens, weight: norm, epsilon: epsilon)
    for index in tokens.indices { tokens[index] += imageModality[index % imageModality.count] }
    return tokens
  }
}

/// RMSNorm of the rows of a small matrix.
enum RootMeanSquareNorm {
  /// Divides each row (width of `weight`) by the root of its mean square, and multiplies it by `weight`.
  static func apply(to rows: inout [Float], weight: [Float], epsilon: Float) {
    let width = weight.count
    for start in stride(from: 0, to: rows.count, by: width) {
      var squares: Float = 0
      for index in start..<start + width { squares += rows[index] * rows[index] }
      let scale = 1 / (squares / Float(width) + epsilon).squareRoot()
      for index in 0..<width { rows[start + index] *= scale * weight[index] }
    }
  }
}
