/// A byte-level Mamba whose input may begin with an image.
///
/// A square image, (channels, image, image) in [0, 1], is cut into patches. `vision.patch_embedding` (a convolution whose
/// stride is its kernel) maps each to the hidden size; `vision.position_embedding` is added, row by row; then RMSNorm by
/// `vision.norm`, and `vision.projection` (linear, SiLU, linear). Patches and embedded bytes each get their row of
/// `modality_embedding` (0 text, 1 image) and form one sequence, patches first, for the Mamba layers. The head is the
/// byte embeddings, and only positions of text are predicted.
package struct MambaMultimodalModel: Sendable, Hashable {
  package var vocabularySize: Int
  package var layers: MambaLayers
  /// Pixels along an image's side, a multiple of the patch size.
  package var imageSize: Int
  /// Pixels along a patch's side.
  package var patchSize: Int
  /// Colour channels of the image.
  package var channelCount: Int

  /// The model that Tantra ships: 692,480 parameters.
  package static let shipped = MambaMultimodalModel(
    vocabularySize: 256,
    layers: MambaLayers(
      count: 5, hiddenSize: 128, innerSize: 256, stateSize: 16, convolutionKernel: 4, timeStepRank: 8),
    imageSize: 96, patchSize: 8, channelCount: 3)

  /// Patches of an image; the length of its part of the sequence.
  package var patchCount: Int {
    let side = imageSize / patchSize
    return side * side
  }

  /// The tensors, in the order of the data's way through the model.
  package var tensors: [TensorSpecification] {
    let hidden = layers.hiddenSize
    let fanIn = channelCount * patchSize * patchSize
    return [
      TensorSpecification(
        "vision.patch_embedding.weight", [hidden, channelCount, patchSize, patchSize], .uniform(fanIn: fanIn)),
      TensorSpecification("vision.patch_embedding.bias", [hidden], .zeros),
      TensorSpecification("vision.position_embedding.weight", [patchCount, hidden], .normal(deviation: 0.02)),
      TensorSpecification("vision.norm.weight", [hidden], .ones),
      TensorSpecification("vision.projection.0.weight", [hidden, hidden], .uniform(fanIn: hidden)),
      TensorSpecification("vision.projection.0.bias", [hidden], .zeros),
      TensorSpecification("vision.projection.2.weight", [hidden, hidden], .uniform(fanIn: hidden)),
      TensorSpecification("vision.projection.2.bias", [hidden], .zeros),
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
      "patch_size": .integer(patchSize),
      "num_channels": .integer(channelCount),
      "modalities": .array([.string("text"), .string("image")]),
    ]) { $1 }
  }
}
