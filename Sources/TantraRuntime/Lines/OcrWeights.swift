import CMambaKernels

/// The weights of a reader of printed lines, as the kernels take them.
package final class OcrWeights: ModelWeights, @unchecked Sendable {
  // Everything is written in init only, and the memory that the pointers name belongs to `bound`.
  private let bound: BoundTensors
  /// The layers and the head.
  let stack: MambaStack
  private let stages: [ConvolutionStage]
  private let projection: tantra_matrix
  private let bias: UnsafePointer<Float>
  private let norm: [Float]
  private let epsilon: Float
  /// The dimensions.
  package let configuration: OcrNativeModel
  /// The character of each class; class 0 is the blank, and has none.
  package let characters: [Character]

  package init(configuration bytes: [UInt8], checkpoint: Checkpoint) throws {
    let epsilon: Double
    do throws(ConfigurationFields.Problem) {
      let fields = try ConfigurationFields(parsing: bytes)
      guard let type = fields.string("model_type"), type == "ocr_native" else {
        throw ConfigurationFields.Problem(
          "model_type: expected \"ocr_native\", which reads images of text, found "
            + (fields.string("model_type").map { "\"\($0.prefix(60))\"" } ?? "nothing"))
      }
      configuration = try OcrNativeModel(reading: fields, tensorCount: checkpoint.tensors.count)
      epsilon = try fields.epsilonOfSiluModel()
      characters = Array(fields.string("alphabet") ?? OcrNativeModel.alphabet)
      guard characters.count + 1 == configuration.classCount else {
        throw ConfigurationFields.Problem(
          "alphabet: expected \(configuration.classCount - 1) characters, as vocab_size says, found \(characters.count)"
        )
      }
    } catch {
      throw RuntimeError(.badData, "config.json: \(error.description)")
    }
    try ShapeCheck.require(configuration: bytes, tensors: checkpoint.tensors)
    let bound = try BoundTensors(checkpoint)
    self.bound = bound
    self.epsilon = Float(epsilon)
    let strides = configuration.stemWidthStrides
    stages = try strides.indices.map {
      try ConvolutionStage(bound, prefix: "stem.", index: $0, rowStride: 2, columnStride: strides[$0])
    }
    // A column's features come out of the stages row by row, and the weights expect them channel by channel.
    let channels = configuration.stemChannels.last ?? 1
    let rows = configuration.imageHeight >> strides.count
    let weight = try bound.values("stem.projection.weight")
    var arranged = weight
    for output in 0..<configuration.layers.hiddenSize {
      for row in 0..<rows {
        for channel in 0..<channels {
          arranged[(output * rows + row) * channels + channel] = weight[(output * channels + channel) * rows + row]
        }
      }
    }
    projection = bound.matrix(of: arranged, rows: configuration.layers.hiddenSize, columns: rows * channels)
    bias = try bound.vector("stem.projection.bias")
    norm = try bound.values("stem.norm.weight")
    stack = try MambaStack(
      bound, prefix: "backbone.", dimensions: configuration.layers, epsilon: epsilon,
      ends: MambaStack.Ends(head: try bound.matrix("head.weight"), headBias: try bound.vector("head.bias")),
      widest: max(ConvolutionStage.widest(inputs: 1, channels: configuration.stemChannels), rows * channels))
  }

  /// Columns of an image that one step of the sequence stands for.
  package var stride: Int { configuration.stemWidthStrides.reduce(1, *) }

  /// The rows (steps, hidden) that the stem makes of an image, ink 1 and paper 0, of the model's height.
  func steps(of image: LineImage, _ team: MambaTeam) -> [Float] {
    var map = FeatureMap(rows: image.height, columns: image.width, channels: 1)
    for row in 0..<image.height {
      let start = map.index(row, 0)
      map.values.replaceSubrange(
        start..<start + image.width, with: image.values[row * image.width..<(row + 1) * image.width])
    }
    for stage in stages { map = team.run(stage, over: map) }
    var steps = team.project(map.columnFeatures, by: projection, bias: bias)
    RootMeanSquareNorm.apply(to: &steps, weight: norm, epsilon: epsilon)
    return steps
  }
}
