/// What somebody has decided about how models are handled: of one model, or of all of a store. Part of `weight_config.json`; what
/// is not there is not decided here.
package struct PolicySettings: Sendable, Hashable, Codable {
  /// Values as people write them, which the policies take.
  package private(set) var values: [PolicyKey: String] = [:]

  package init() {}

  package var isEmpty: Bool { values.isEmpty }

  /// Sets a policy to what people wrote; nil takes the decision back.
  ///
  /// - Throws: `invalidName`, with the values that the policy takes.
  package mutating func set(_ key: PolicyKey, to text: String?) throws(StoreError) {
    guard let text else {
      values[key] = nil
      return
    }
    guard let value = key.value(text) else {
      throw StoreError(.invalidName, "\(key.rawValue) cannot be \"\(text)\": expected \(key.values)")
    }
    values[key] = value
  }

  private struct RecordKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ key: PolicyKey) { stringValue = key.recordName }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: RecordKey.self)
    for key in PolicyKey.allCases where container.contains(RecordKey(key)) {
      let name = RecordKey(key)
      let text =
        switch key {
        case .keep: try container.decode(Int?.self, forKey: name).map { String($0) } ?? "none"
        case .validateBeforeActivate: try container.decode(Bool.self, forKey: name) ? "yes" : "no"
        default: try container.decode(String.self, forKey: name)
        }
      guard let value = key.value(text) else {
        throw DecodingError.dataCorruptedError(
          forKey: name, in: container, debugDescription: "expected \(key.values)")
      }
      values[key] = value
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: RecordKey.self)
    for (key, value) in values {
      let name = RecordKey(key)
      switch key {
      case .keep: try container.encode(Int(value), forKey: name)
      case .validateBeforeActivate: try container.encode(value == "yes", forKey: name)
      default: try container.encode(value, forKey: name)
      }
    }
  }
}
