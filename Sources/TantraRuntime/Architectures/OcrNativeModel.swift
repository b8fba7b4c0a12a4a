/// A reader of printed lines: a convolutional stem over a grey line image, Mamba layers of alternating direction, and a
/// CTC head.
///
/// The image is (1, height, width): ink 1, paper 0. Each stage of the stem is a 3x3 convolution (padding 1) that halves
/// the height and divides the width by its stride, LayerNorm over the channels of every pixel, and SiLU. A column of what
/// remains, flattened channel by channel (channel, row), goes through `stem.projection` and RMSNorm by `stem.norm`, and is
/// one step of the sequence. Even layers read from left to right, odd layers from right to left. `head` scores the blank (class 0) and the
/// characters of the alphabet (class 1 on) at each step.
package struct OcrNativeModel: Sendable, Hashable {
  package var layers: MambaLayers
  /// Rows of the image, a multiple of 2^stages.
  package var imageHeight: Int
  /// Output channels of each stage; never empty.
  package var stemChannels: [Int]
  /// By how much each stage divides the width.
  package var stemWidthStrides: [Int]
  /// The blank and the characters.
  package var classCount: Int

  /// Printable ASCII, in order.
  package static let alphabet = String(decoding: UInt8(ascii: " ")...UInt8(ascii: "~"), as: UTF8.self)

  /// The model that Tantra ships: 697,520 parameters.
  package static let shipped = OcrNativeModel(
    layers: MambaLayers(
      count: 5, hiddenSize: 128, innerSize: 256, stateSize: 16, convolutionKernel: 4, timeStepRank: 8),
    imageHeight: 32, stemChannels: [24, 48, 96], stemWidthStrides: [2, 2, 1], classCount: alphabet.utf8.count + 1)

  /// The tensors, in the order of the data's way through the model.
  package var tensors: [TensorSpecification] {
    let hidden = layers.hiddenSize
    let features = (stemChannels.last ?? 1) * (imageHeight >> stemChannels.count)
    return ConvolutionStage.tensors(prefix: "stem.", inputs: 1, channels: stemChannels) + [
      TensorSpecification("stem.projection.weight", [hidden, features], .uniform(fanIn: features)),
      TensorSpecification("stem.projection.bias", [hidden], .zeros),
      TensorSpecification("stem.norm.weight", [hidden], .ones),
    ] + layers.tensors(prefix: "backbone.") + [
      TensorSpecification("head.weight", [classCount, hidden], .uniform(fanIn: hidden)),
      TensorSpecification("head.bias", [classCount], .zeros),
    ]
  }

  /// What config.json says.
  package var configuration: [String: ConfigurationValue] {
    layers.configuration.merging([
      "model_type": .string("ocr_native"),
      "architectures": .array([.string("OcrNative")]),
      "image_height": .integer(imageHeight),
      "num_channels": .integer(1),
      "stem_channels": .array(stemChannels.map { .integer($0) }),
      "stem_width_strides": .array(stemWidthStrides.map { .integer($0) }),
      "layer_directions": layers.alternatingDirections,
      "alphabet": .string(Self.alphabet),
      "blank_token_id": .integer(0),
      "vocab_size": .integer(classCount),
    ]) { $1 }
  }
}
