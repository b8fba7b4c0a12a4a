import Tensors

/// What the decoders of transformers have in common in GGUF: keys as llama.cpp's converter writes them (`TextModel` in
/// conversion/base.py), and tensors by names of parts.
struct DecoderKeys {
  let architecture: String
  let configuration: JSONDocument
  let layers: Int
  let hidden: Int
  let heads: Int
  let vocabulary: Int

  init(_ architecture: String, _ configuration: JSONDocument, _ input: ModelInput) throws(Withheld) {
    self.architecture = architecture
    self.configuration = configuration
    layers = try configuration.requiredSize("num_hidden_layers")
    hidden = try configuration.requiredSize("hidden_size")
    heads = try configuration.requiredSize("num_attention_heads")
    vocabulary = try configuration.requiredSize("vocab_size")
    guard heads > 0, hidden >= heads else {
      throw Withheld("config.json lets expect \(heads) heads of \(hidden) elements")
    }
    guard layers <= input.stateDict.tensors.count else {
      throw Withheld("config.json lets expect \(layers) layers, and there are \(input.stateDict.tensors.count) tensors")
    }
  }

  /// Elements of a head.
  var headSize: Int {
    get throws(Withheld) {
      if let size = try configuration.size("head_dim") { return size }
      return hidden / heads
    }
  }

  var rope: JSONDocument { configuration["rope_parameters"] ?? configuration["rope_scaling"] ?? .object([]) }

  /// How positions are scaled; nil for not at all.
  var ropeType: String? { rope["rope_type"]?.text ?? rope["type"]?.text }

  func key(_ name: String, _ value: GGUFKey.Value) -> GGUFKey { GGUFKey("\(architecture).\(name)", value) }

  func key(_ name: String, _ size: Int) -> GGUFKey { key(name, .uint32(UInt32(clamping: size))) }

  /// The keys of a model, up to its file type.
  func common() throws(Withheld) -> [GGUFKey] {
    var keys = [key("block_count", layers)]
    func add(_ name: String, _ size: Int?) { if let size { keys.append(key(name, size)) } }
    func add(_ name: String, _ number: Float?) { if let number { keys.append(key(name, .float32(number))) } }
    add("context_length", try configuration.size("max_position_embeddings"))
    add("embedding_length", hidden)
    add("feed_forward_length", try configuration.size("intermediate_size"))
    add("attention.head_count", heads)
    add("attention.head_count_kv", try configuration.size("num_key_value_heads"))
    if configuration["is_causal"]?.flag == false { keys.append(key("attention.causal", .bool(false))) }
    keys += try ropeScaling()
    add("rope.freq_base", try ropeBase())
    add("attention.layer_norm_rms_epsilon", try configuration.decimal("rms_norm_eps"))
    add("attention.layer_norm_epsilon", try configuration.decimal("layer_norm_eps", "layer_norm_epsilon"))
    if let size = try configuration.size("head_dim") {
      add("attention.key_length", size)
      add("attention.value_length", size)
    }
    keys.append(GGUFKey("general.file_type", .fileType))
    return keys
  }

  /// The base of positions' frequencies; nil if config.json does not say it.
  func ropeBase() throws(Withheld) -> Float? {
    if let base = try rope.decimal("rope_theta") { return base }
    return try configuration.decimal("rope_theta")
  }

  private func ropeScaling() throws(Withheld) -> [GGUFKey] {
    switch ropeType {
    case nil, "default", "dynamic", "llama3": return []
    case "linear"?, "yarn"?:
      guard let factor = try rope.decimal("factor") else { return [] }
      var keys = [key("rope.scaling.type", .string(ropeType ?? "")), key("rope.scaling.factor", .float32(factor))]
      guard ropeType == "yarn" else { return keys }
      keys.append(
        key("rope.scaling.original_context_length", try rope.requiredSize("original_max_position_embeddings")))
      for (name, field) in [
        ("ext_factor", "extrapolation_factor"), ("attn_factor", "attention_factor"), ("beta_fast", "beta_fast"),
        ("beta_slow", "beta_slow"),
      ] {
        if let number = try rope.decimal(field) { keys.append(key("rope.scaling.yarn_\(name)", .float32(number))) }
      }
      return keys
    case let other?: throw Withheld("positions are scaled in the way \"\(other)\", which is not known here")
    }
  }

  /// Tensors by their names; those that only a program of another kind needs are left out.
  ///
  /// - Parameters:
  ///   - whole: names of those outside of layers, without `.weight`.
  ///   - parts: names of those of a layer, without `.weight` or `.bias`, below `prefix`.
  ///   - name: what a tensor is called in these; nil for one that is left out, whatever it is.
  func tensors(
    _ input: ModelInput, prefix: String, whole: [String: String], parts: [String: String],
    name plainName: (String) -> String? = { $0 },
    change: (_ part: String, _ tensor: TensorDescriptor) throws(Withheld) -> GGUFModel.Tensor.Change
  ) throws(Withheld) -> [GGUFModel.Tensor] {
    var tensors: [GGUFModel.Tensor] = []
    var seen: Set<Int> = []
    for (index, tensor) in input.stateDict.tensors.enumerated() {
      guard let name = plainName(tensor.name) else { continue }
      if [".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"].contains(where: name.hasSuffix) {
        continue
      }
      guard let dot = name.lastIndex(of: "."), ["weight", "bias"].contains(name[name.index(after: dot)...]),
        let (new, part, layer) = newName(of: name[..<dot], prefix, whole, parts)
      else { throw Withheld("tensor \"\(tensor.name)\" has no place in llama.cpp's \(architecture)") }
      guard tensor.shape.dimensions.count <= 2, kernelElement(of: tensor.dtype) != nil else {
        throw Withheld(
          "tensor \"\(tensor.name)\" is \(tensor.dtype.rawValue) of shape \(tensor.shape), which no \(architecture) has"
        )
      }
      if let layer { seen.insert(layer) }
      tensors.append(
        GGUFModel.Tensor(
          name: new + name[dot...], source: index, shape: tensor.shape.dimensions, change: try change(part, tensor)))
    }
    for layer in 0..<layers where !seen.contains(layer) {
      throw Withheld("there is no tensor of layer \(layer), which config.json lets expect")
    }
    return tensors
  }

  private func newName(
    of name: Substring, _ prefix: String, _ whole: [String: String], _ parts: [String: String]
  ) -> (name: String, part: String, layer: Int?)? {
    if let new = whole[String(name)] { return (new, new, nil) }
    guard name.hasPrefix(prefix) else { return nil }
    let words = name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
    guard words.count == 2, let layer = Int(words[0]), (0..<layers).contains(layer), String(layer) == words[0],
      let part = parts[String(words[1])]
    else { return nil }
    return ("blk.\(layer).\(part)", part, layer)
  }

  /// The rows of a matrix, or a vector's elements, in an order where `box` counts them.
  func rows(
    of tensor: TensorDescriptor, _ box: (Int, Int, Int), _ swap: RowOrder.Swap
  ) throws(Withheld) -> GGUFModel.Tensor.Change {
    let dimensions = tensor.shape.dimensions
    guard let rows = dimensions.first, rows > 0, box.0 * box.1 * box.2 == rows else {
      throw Withheld("tensor \"\(tensor.name)\" is of shape \(tensor.shape), which config.json does not let expect")
    }
    return .rows(RowOrder(width: dimensions.count == 2 ? dimensions[1] : 1, box: box, swap: swap))
  }

  /// The tokenizer's keys; numbers only, if there is none.
  ///
  /// - Parameters:
  ///   - namesVocabulary: whether the architecture's own keys say the number of tokens.
  ///   - hasPieces: whether tokenizer.model is read, before tokenizer.json.
  func tokenizer(
    _ input: ModelInput, namesVocabulary: Bool, hasPieces: Bool = false
  ) throws(Withheld) -> [GGUFKey] {
    let files = input.tokenizer
    if hasPieces, let pieces = files.sentencePieces {
      return try SentencePieceTokenizer.keys(pieces, files, configuration: configuration, size: vocabulary)
    }
    if files.tokenizer != nil {
      return try BytePairTokenizer.keys(files, configuration: configuration, size: vocabulary)
    }
    return try noTokenizer(files, namesVocabulary: namesVocabulary)
  }

  /// The keys of a model that answers numbers.
  ///
  /// - Throws: ``Withheld`` if there is a tokenizer, which was not read.
  func noTokenizer(_ files: TokenizerFiles, namesVocabulary: Bool) throws(Withheld) -> [GGUFKey] {
    guard files.isEmpty else { throw Withheld("its tokenizer is of a kind that is not known here") }
    return (namesVocabulary ? [] : [key("vocab_size", vocabulary)]) + [GGUFKey("tokenizer.ggml.model", .string("none"))]
  }
}
