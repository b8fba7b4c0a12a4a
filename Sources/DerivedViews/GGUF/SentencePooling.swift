/// How sentence-transformers makes one vector of those of a text's tokens, by llama.cpp's number.
enum SentencePooling: UInt32, Sendable {
  case mean = 1
  case first = 2
  case last = 3

  /// Reads modules.json, and the config.json of the pooling that it names; nil if it names none.
  ///
  /// - Parameter files: bytes by paths.
  /// - Throws: ``Withheld`` for a pooling that llama.cpp does not have.
  init?(_ files: [String: [UInt8]]) throws(Withheld) {
    let name = "modules.json"
    guard let bytes = files[name] else { return nil }
    guard let modules = try JSONDocument(parsing: bytes, of: name).elements else {
      throw Withheld("\(name) is no list")
    }
    guard let module = modules.first(where: { $0["type"]?.text?.hasSuffix("Pooling") == true }) else { return nil }
    let path = (module["path"]?.text ?? "") + "/config.json"
    guard let bytes = files[path] else { throw Withheld("\(name) says that there is \(path), and it was not found") }
    let configuration = try JSONDocument(parsing: bytes, of: path)
    func isSet(_ mode: String) -> Bool { configuration["pooling_mode_\(mode)"]?.flag == true }
    let mode =
      isSet("mean_tokens")
      ? "mean" : isSet("cls_token") ? "cls" : isSet("lasttoken") ? "lasttoken" : configuration["pooling_mode"]?.text
    switch mode {
    case "mean": self = .mean
    case "cls": self = .first
    case "lasttoken": self = .last
    default: throw Withheld("\(path) names no pooling of mean, cls and lasttoken, which are all that llama.cpp has")
    }
  }
}
