/// A language model over bytes, as transformers' `MambaForCausalLM`: embeddings, Mamba layers, and the embeddings again as
/// the head.
package struct MambaModel: Sendable, Hashable {
  package var vocabularySize: Int
  package var layers: MambaLayers
  /// False if the head has a matrix of its own, `lm_head.weight`, rather than that of the embeddings.
  package var tiesEmbeddings = true

  /// The model that Tantra ships: 689,792 parameters.
  package static let shipped = MambaModel(
    vocabularySize: 256,
    layers: MambaLayers(
      count: 5, hiddenSize: 136, innerSize: 272, stateSize: 16, convolutionKernel: 4, timeStepRank: 9))

  /// The tensors, in the order of `MambaForCausalLM(config).state_dict()`; a tied `lm_head.weight` is left out, as
  /// `save_pretrained` does.
  package var tensors: [TensorSpecification] {
    let embeddings = TensorSpecification(
      "backbone.embeddings.weight", [vocabularySize, layers.hiddenSize], .normal(deviation: 0.02))
    return [embeddings] + layers.tensors(prefix: "backbone.") + (tiesEmbeddings ? [] : [head])
  }

  /// `lm_head.weight`: required when embeddings are not tied, allowed when they are.
  package var head: TensorSpecification {
    TensorSpecification(
      "lm_head.weight", [vocabularySize, layers.hiddenSize], .uniform(fanIn: layers.hiddenSize))
  }

  /// What config.json says: what `MambaConfig.save_pretrained` of transformers 5.23 writes for this model.
  ///
  /// Byte 0, which text never holds, begins and ends a text and pads it.
  package var configuration: [String: ConfigurationValue] {
    layers.configuration.merging([
      "model_type": .string("mamba"),
      "architectures": .array([.string("MambaForCausalLM")]),
      "vocab_size": .integer(vocabularySize),
      "tie_word_embeddings": .boolean(tiesEmbeddings),
      "bos_token_id": .integer(0),
      "eos_token_id": .integer(0),
      "pad_token_id": .integer(0),
      "residual_in_fp32": .boolean(true),
      "transformers_version": .string("5.23.0"),
      "use_associative_scan": .boolean(true),
      "use_cache": .boolean(true),
      "use_mambapy": .boolean(false),
    ]) { $1 }
  }
}
