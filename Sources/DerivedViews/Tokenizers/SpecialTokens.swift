/// Which tokens begin, end and separate texts, and whether they are added by themselves, as gguf-py's `SpecialVocab`
/// finds them.
struct SpecialTokens {
  /// What tokenizer_config.json calls a token.
  private struct Name {
    var text: String
    /// Whether a text stands there, and not an object that has it: what a template adds is compared with texts alone.
    var isText: Bool
  }

  /// Kinds that tokenizer_config.json and config.json are searched for.
  private static let kinds = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"]
  /// What keys call kinds that they have another word for.
  private static let words = ["unk": "unknown", "sep": "seperator", "pad": "padding"]

  private var kinds = Self.kinds
  private var ids: [(kind: String, id: Int)] = []
  private var added: [(kind: String, isAdded: Bool)] = []
  private var chatTemplate: String?
  private var lowercase: Bool?
  private var stripAccents: Bool?
  /// The name of a special token by its kind, where tokenizer_config.json says it or what it does says so.
  private var names: [String: Name]
  /// Whether tokenizer_config.json says anything.
  private let hasSettings: Bool
  /// Tokens that there are; nil if it does not matter.
  private let count: Int?

  /// - Parameter count: tokens that there are: numbers beyond are left out.
  init(_ files: TokenizerFiles, configuration: JSONDocument, count: Int? = nil) {
    self.count = count
    hasSettings = files.configuration?.members?.isEmpty == false
    names = Self.entries(files)
    if let normalizer = files.tokenizer?["normalizer"] { readNormalizer(normalizer) }
    if files.tokenizer != nil {
      if names["bos"] == nil { names["bos"] = names["cls"] }
      if names["eos"] == nil { names["eos"] = names["sep"] }
    }
    if let processor = files.tokenizer?["post_processor"], !processor.isNull {
      for step in processor["processors"]?.elements ?? [processor] { readProcessor(step) }
    }
    if let settings = files.configuration {
      chatTemplate = settings["chat_template"].map { $0.text } ?? files.chatTemplate
      for kind in kinds {
        if let isAdded = settings["add_\(kind)_token"]?.flag { note(kind, isAdded: isAdded, replacing: false) }
        let token = files.tokenizer?["added_tokens"]?.elements?.first { token in
          names[kind] != nil && token["content"]?.text == names[kind]?.text
        }
        note(kind, id: token?["id"])
      }
    }
    for kind in kinds { note(kind, id: configuration["\(kind)_token_id"]) }
  }

  /// The texts of special tokens by their kinds, as tokenizer_config.json has them.
  static func names(_ files: TokenizerFiles) -> [String: String] { entries(files).mapValues(\.text) }

  private static func entries(_ files: TokenizerFiles) -> [String: Name] {
    var names: [String: Name] = [:]
    for kind in kinds {
      let entry = files.configuration?["\(kind)_token"]
      if let text = entry?.text ?? entry?["content"]?.text, !text.isEmpty {
        names[kind] = Name(text: text, isText: entry?.text != nil)
      }
    }
    return names
  }

  /// Whether a token of a template is the one of a kind.
  private func isNamed(_ text: String?, _ kinds: String...) -> Bool {
    kinds.contains { kind in names[kind].map { $0.isText && $0.text == text } == true }
  }

  private mutating func note(_ kind: String, id: JSONDocument?) {
    guard let id = id?.wholeNumber, id >= 0, count.map({ id < $0 }) ?? true, !ids.contains(where: { $0.kind == kind })
    else { return }
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
    case "RobertaProcessing":
      for kind in ["bos", "eos", "sep"] { note(kind, isAdded: true, replacing: true) }
      for kind in ["cls", "sep"] where names[kind] == nil {
        names[kind] = step[kind]?.elements?.first?.text.map { Name(text: $0, isText: true) }
      }
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
    }
    if let first {
      if !isNamed(first, "bos", "cls") {
        for kind in ["bos", "cls"] where names[kind] == nil { names[kind] = Name(text: first, isText: true) }
      }
      note("bos", isAdded: isNamed(first, "bos", "cls"), replacing: true)
    }
    if let last {
      if !isNamed(last, "eos") {
        // What is said to end a text ends a turn, or a message, if the template ends texts with something else.
        if hasSettings, let kind = ["eot", "eom"].first(where: { !kinds.contains($0) }) {
          kinds.append(kind)
          names[kind] = names["eos"]
        }
        names["eos"] = Name(text: last, isText: true)
      }
      note("eos", isAdded: true, replacing: true)
    }
    let pair = step["pair"]?.elements ?? []
    let start = first != nil && special(pair.first) == first ? 1 : 0
    let end = pair.count - (last != nil && special(pair.last) == last ? 1 : 0)
    guard start < end, pair[start]["Sequence"]?["id"]?.text == "A", pair[end - 1]["Sequence"]?["id"]?.text == "B" else {
      return
    }
    let inner = pair[start..<end].dropFirst().dropLast()
    guard let separator = inner.first else { return }
    var isAdded = isNamed(special(separator), "sep", "eos") && last == nil
    if inner.count == 2, isNamed(special(inner.last), "sep", "eos") { isAdded = true }
    note("sep", isAdded: isAdded, replacing: true)
    if isAdded, names["sep"] == nil { names["sep"] = names["eos"] }
  }

  var keys: [GGUFKey] {
    var keys: [GGUFKey] = []
    // GGUF has no key for "cls".
    for (kind, id) in ids where kind != "cls" {
      keys.append(
        GGUFKey("tokenizer.ggml.\(Self.words[kind] ?? kind)_token_id", .uint32(UInt32(clamping: id))))
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
