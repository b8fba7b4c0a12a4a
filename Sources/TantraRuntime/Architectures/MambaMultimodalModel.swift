/// A byte-level Mamba whose input may begin with an image.
///
/// A square image, (channels, image, image) in [0, 1], goes through stages of 3x3 convolution (padding 1, stride 2),
/// LayerNorm over the channels of every pixel, and SiLU. Each pixel that remains goes through `vision.projection`, gets its
/// row of `vision.position_embedding`, row by row, and RMSNorm by `vision.norm`: it is one token of the image. Tokens and
/// embedded bytes each get their row of `modality_embedding` (0 text, 1 image) and form one sequence, the image first, for
/// the Mamba layers. Odd layers read the image's tokens from the last to the first, and the bytes after them forwards, so
/// the text stays causal. The head is the byte embeddings, and only bytes are predicted.
package struct MambaMultimodalModel: Sendable, Hashable {
  package var vocabularySize: Int
  package var layers: MambaLayers
  /// Pixels along an image's side, a multiple of 2^stages.
  package var imageSize: Int
  /// Colour channels of the image.
  package var channelCount: Int
  /// Output channels of each stage; never empty.
  package var visionChannels: [Int]

  /// The model that Tantra ships: 690,112 parameters.
  package static let shipped = MambaMultimodalModel(
    vocabularySize: 256,
    layers: MambaLayers(
      count: 5, hiddenSize: 128, innerSize: 256, stateSize: 16, convolutionKernel: 4, timeStepRank: 8),
    imageSize: 96, channelCount: 3, visionChannels: [16, 32, 64, 64])

  /// Tokens along a side of what the stages leave of an image.
  package var gridSize: Int { imageSize >> visionChannels.count }
  /// Tokens of an image; the length of its part of the sequence.
  package var tokenCount: Int { gridSize * gridSize }

  /// The tensors, in the order of the data's way through the model.
  package var tensors: [TensorSpecification] {
    let hidden = layers.hiddenSize
    let features = visionChannels.last ?? channelCount
    return ConvolutionStage.tensors(prefix: "vision.", inputs: channelCount, channels: visionChannels) + [
      TensorSpecification("vision.projection.weight", [hidden, features], .uniform(fanIn: features)),
      TensorSpecification("vision.projection.bias", [hidden], .zeros),
      TensorSpecification("vision.position_embedding.weight", [tokenCount, hidden], .normal(deviation: 0.02)),
      TensorSpecification("vision.norm.weight", [hidden], .ones),
      TensorSpecification("modality_embedding.weight", [2, hidden], .normal(deviation: 0.02)),
      TensorSpecification("backbone.embeddings.weight", [vocabularySize, hidden], .normal(deviation: 0.02)),
    ] + layers.tensors(prefix: "backbone.")
  }

  /// What config.json says.
  package var configuration: [String: ConfigurationValue] {
    layers.configuration.merging([
      "model_type": .string("mamba_multimodal"),
      "architectures": .array([.string("MambaMultimodal")]),
      "vocab_size": .integer(vocabularySize),
      "tie_word_embeddings": .boolean(true),
      "bos_token_id": .integer(0),
      "eos_token_id": .integer(0),
      "pad_token_id": .integer(0),
      "image_size": .integer(imageSize),
      "num_channels": .integer(channelCount),
      "vision_channels": .array(visionChannels.map { .integer($0) }),
      "image_directions": layers.alternatingDirections,
      "modalities": .array([.string("text"), .string("image")]),
    ]) { $1 }
  }
}
