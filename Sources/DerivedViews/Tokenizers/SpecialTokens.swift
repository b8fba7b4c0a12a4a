/// Which tokens begin, end and separate texts, and whether they are added by themselves, as gguf-py's `SpecialVocab` finds them.
struct SpecialTokens {
  /// Kinds, and what their keys are called; none for those that GGUF has no key for.
  private static let kinds: [(kind: String, key: String?)] = [
    ("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("sep", "seperator"), ("pad", "padding"), ("cls", nil),
    ("mask", "mask"),
  ]

  private var ids: [(kind: String, id: Int)] = []
  private var added: [(kind: String, isAdded: Bool)] = []
  private var chatTemplate: String?
  private var lowercase: Bool?
  private var stripAccents: Bool?
  /// The text of a special token by its kind, where tokenizer_config.json says it or what it does says so.
  private var texts: [String: String] = [:]

  init(_ files: TokenizerFiles, configuration: JSONDocument) {
    for (kind, _) in Self.kinds {
      let entry = files.configuration?["\(kind)_token"]
      if let text = entry?.text ?? entry?["content"]?.text, !text.isEmpty { texts[kind] = text }
    }
    if let normalizer = files.tokenizer?["normalizer"] { readNormalizer(normalizer) }
    if let processor = files.tokenizer?["post_processor"], !processor.isNull {
      if texts["bos"] == nil { texts["bos"] = texts["cls"] }
      if texts["eos"] == nil { texts["eos"] = texts["sep"] }
      for step in processor["processors"]?.elements ?? [processor] { readProcessor(step) }
    }
    if let settings = files.configuration {
      chatTemplate = settings["chat_template"].map { $0.text } ?? files.chatTemplate
      for (kind, _) in Self.kinds {
        if let isAdded = settings["add_\(kind)_token"]?.flag { note(kind, isAdded: isAdded, replacing: false) }
        let token = files.tokenizer?["added_tokens"]?.elements?.first { token in
          texts[kind] != nil && token["content"]?.text == texts[kind]
        }
        note(kind, id: token?["id"])
      }
    }
    for (kind, _) in Self.kinds { note(kind, id: configuration["\(kind)_token_id"]) }
  }

  private mutating func note(_ kind: String, id: JSONDocument?) {
    guard let id = id?.wholeNumber, id >= 0, !ids.contains(where: { $0.kind == kind }) else { return }
    ids.append((kind, id))
  }

  private mutating func note(_ kind: String, isAdded: Bool, replacing: Bool) {
    guard let index = added.firstIndex(where: { $0.kind == kind }) else { return added.append((kind, isAdded)) }
    if replacing { added[index].isAdded = isAdded }
  }

  private mutating func readNormalizer(_ normalizer: JSONDocument) {
    switch normalizer["type"]?.text {
    case "Lowercase": lowercase = true
    case "StripAccents": stripAccents = true
    case "BertNormalizer":
      if let flag = normalizer["lowercase"]?.flag { lowercase = flag }
      if let flag = normalizer["strip_accents"]?.flag { stripAccents = flag }
    case "Sequence": for step in normalizer["normalizers"]?.elements ?? [] { readNormalizer(step) }
    default: break
    }
  }

  private mutating func readProcessor(_ step: JSONDocument) {
    switch step["type"]?.text {
    case "ByteLevel":
      note("bos", isAdded: false, replacing: false)
      note("eos", isAdded: false, replacing: false)
    case "RobertaProcessing": for kind in ["bos", "eos", "sep"] { note(kind, isAdded: true, replacing: true) }
    case "TemplateProcessing": readTemplate(step)
    default: break
    }
  }

  /// A template of one text, with a token before or after it; and of two, with one between them.
  private mutating func readTemplate(_ step: JSONDocument) {
    func special(_ part: JSONDocument?) -> String? { part?["SpecialToken"]?["id"]?.text }
    let single = step["single"]?.elements ?? []
    var (first, last): (String?, String?) = (nil, nil)
    if single.count > 1 {
      first = special(single.first)
      last = special(single.last)
      if let first {
        if texts["bos"] == nil { texts["bos"] = first }
        if texts["cls"] == nil, texts["bos"] != first { texts["cls"] = first }
        note("bos", isAdded: first == texts["bos"] || first == texts["cls"], replacing: true)
      }
      if let last {
        texts["eos"] = last
        note("eos", isAdded: true, replacing: true)
      }
    }
    let pair = step["pair"]?.elements ?? []
    let start = first != nil && special(pair.first) == first ? 1 : 0
    let end = pair.count - (last != nil && special(pair.last) == last ? 1 : 0)
    guard start < end else { return }
    let inner = pair[start..<end].dropFirst().dropLast()
    guard let separator = inner.first else { return }
    let known = [texts["sep"], texts["eos"]]
    var isAdded = special(separator).map { known.contains($0) } == true && last == nil
    if inner.count == 2, let second = inner.last, let text = special(second), known.contains(text) { isAdded = true }
    note("sep", isAdded: isAdded, replacing: true)
  }

  var keys: [GGUFKey] {
    var keys: [GGUFKey] = []
    for (kind, id) in ids {
      guard let key = Self.kinds.first(where: { $0.kind == kind })?.key else { continue }
      keys.append(GGUFKey("tokenizer.ggml.\(key)_token_id", .uint32(UInt32(clamping: id))))
    }
    for (kind, isAdded) in added where ["bos", "eos", "sep"].contains(kind) {
      keys.append(GGUFKey("tokenizer.ggml.add_\(kind)_token", .bool(isAdded)))
    }
    if let chatTemplate, !chatTemplate.isEmpty {
      keys.append(GGUFKey("tokenizer.chat_template", .string(chatTemplate)))
    }
    if let lowercase { keys.append(GGUFKey("tokenizer.ggml.normalizer.lowercase", .bool(lowercase))) }
    if let stripAccents { keys.append(GGUFKey("tokenizer.ggml.normalizer.strip_accents", .bool(stripAccents))) }
    return keys
  }
}
