import Tensors

/// transformers' `BertModel`, and BERT with the heads that llama.cpp's `bert` leaves out or classifies with
/// (conversion/bert.py). It makes vectors of texts: what only guesses masked words is left out.
enum BertGGUF: GGUFArchitecture {
  static let modelTypes = ["bert"]

  private static let classes = ["BertModel", "BertForMaskedLM", "BertForPreTraining", "BertForSequenceClassification"]

  private static let whole = [
    "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
  ]

  private static let parts = [
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
  ]

  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel {
    let name = configuration["architectures"]?.elements?.first?.text ?? "BertModel"
    guard classes.contains(name), configuration["is_decoder"]?.flag != true else {
      throw Withheld("llama.cpp runs BERT as an encoder, and this is a \(name)")
    }
    let keys = try DecoderKeys("bert", configuration, input)
    let types = try configuration.size("type_vocab_size") ?? 2
    try check(input, keys, types)
    let labels = try labels(configuration)
    let classifier = ["classifier": labels.isEmpty ? "cls" : "cls.output"]
    var tensors = try keys.tensors(
      input, prefix: "encoder.layer.", whole: whole.merging(classifier) { $1 }, parts: parts, name: plainName
    ) { (_, _) in .none }
    guard Set(tensors.map(\.name)).count == tensors.count else { throw Withheld("two tensors would have one name") }
    for index in tensors.indices where ["position_embd.weight", "token_types.weight"].contains(tensors[index].name) {
      tensors[index].isAlwaysFloat = true
    }
    var own = try keys.common()
    if !own.contains(where: { $0.name == "bert.attention.layer_norm_epsilon" }) {
      own.insert(keys.key("attention.layer_norm_epsilon", .float32(1e-12)), at: own.count - 1)
    }
    if !own.contains(where: { $0.name == "bert.attention.causal" }) {
      own.append(keys.key("attention.causal", .bool(false)))
    }
    if let pooling = try SentencePooling(input.modules) { own.append(keys.key("pooling_type", Int(pooling.rawValue))) }
    if !labels.isEmpty {
      own.append(keys.key("classifier.output_labels", .strings(labels.map { Array($0.utf8) })))
    }
    own.append(GGUFKey("general.quantization_version", .uint32(2)))
    own.append(GGUFKey("tokenizer.ggml.token_type_count", .uint32(UInt32(clamping: types))))
    return GGUFModel(
      keys: generalKeys("bert", input, parameterCount: parameterCount(tensors)) + own + (try tokenizer(keys, input)),
      tensors: tensors)
  }

  /// The name without the model's, and as newer files have it; nil for what no vector needs.
  private static func plainName(_ name: String) -> String? {
    var name = name[...]
    if name.hasPrefix("bert.") { name = name.dropFirst("bert.".count) }
    if ["embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"].contains(name)
      || name.hasPrefix("cls.predictions") || name.hasPrefix("cls.seq_relationship")
    {
      return nil
    }
    if name.hasSuffix(".gamma") { return name.dropLast("gamma".count) + "weight" }
    if name.hasSuffix(".beta") { return name.dropLast("beta".count) + "bias" }
    return String(name)
  }

  private static func check(_ input: ModelInput, _ keys: DecoderKeys, _ types: Int) throws(Withheld) {
    guard let context = try keys.configuration.size("max_position_embeddings") else {
      throw Withheld("config.json does not say max_position_embeddings")
    }
    let word = "embeddings.word_embeddings.weight"
    let prefix = input.index(of: "bert." + word) == nil ? "" : "bert."
    try require(prefix + word, [keys.vocabulary, keys.hidden], in: input)
    try require(prefix + "embeddings.position_embeddings.weight", [context, keys.hidden], in: input)
    try require(prefix + "embeddings.token_type_embeddings.weight", [types, keys.hidden], in: input)
  }

  /// The names of classes in their order; none if they are those that transformers makes up.
  private static func labels(_ configuration: JSONDocument) throws(Withheld) -> [String] {
    guard let members = configuration["id2label"]?.members else { return [] }
    var labels: [(id: Int, text: String)] = []
    for member in members {
      guard let id = Int(member.name), let text = member.value.text else {
        throw Withheld("config.json: id2label has something else than a number and a text")
      }
      labels.append((id, text))
    }
    labels.sort { $0.id < $1.id }
    if labels.count == 2, labels[0].id == 0, labels[0].text == "LABEL_0" { return [] }
    return labels.map(\.text)
  }

  private static func tokenizer(_ keys: DecoderKeys, _ input: ModelInput) throws(Withheld) -> [GGUFKey] {
    let files = input.tokenizer
    guard files.tokenizer != nil || files.words != nil else {
      return try keys.noTokenizer(files, namesVocabulary: false)
    }
    return try WordPieceTokenizer.keys(files, configuration: keys.configuration, size: keys.vocabulary)
  }
}
