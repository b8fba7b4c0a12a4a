/// Writes `weight_config.json` as text for people, and remembers the text of each model, so that a change of one costs the
/// encoding of one.
package struct WeightConfigText: Sendable {
  private struct Entry: Sendable {
    var record: WeightConfig.Model
    var text: [UInt8]
  }

  private var entries: [ModelName: Entry] = [:]

  package init() {}

  /// The whole file.
  package mutating func bytes(of config: WeightConfig) throws(StoreError) -> [UInt8] {
    entries = entries.filter { config.models[$0.key] != nil }
    var bytes = Array("{\n  \"format\" : \(config.format),\n  \"models\" : {\n".utf8)
    // Names need no escapes.
    for (index, name) in config.models.keys.sorted(by: { $0.text < $1.text }).enumerated() {
      guard let record = config.models[name] else { continue }
      if index > 0 { bytes += Array(",\n".utf8) }
      bytes += Array("    \"\(name)\" : ".utf8)
      bytes += try text(of: record, named: name)
    }
    bytes += Array("\n  }".utf8)
    if !config.policies.isEmpty {
      bytes +=
        Array(",\n  \"policies\" : ".utf8) + Self.indented(try StoreCoding.encode(config.policies, pretty: true), by: 2)
    }
    bytes += Array("\n}\n".utf8)
    return bytes
  }

  /// The text of a record inside of another one.
  private static func indented(_ record: [UInt8], by count: Int) -> [UInt8] {
    var text: [UInt8] = []
    for byte in record.dropLast() {
      text.append(byte)
      if byte == UInt8(ascii: "\n") { text += [UInt8](repeating: UInt8(ascii: " "), count: count) }
    }
    return text
  }

  private mutating func text(of record: WeightConfig.Model, named name: ModelName) throws(StoreError) -> [UInt8] {
    if let text = Self.plainText(of: record) { return text }
    if let known = entries[name], known.record == record { return known.text }
    let text = Self.indented(try StoreCoding.encode(record, pretty: true), by: 4)
    entries[name] = Entry(record: record, text: text)
    return text
  }

  /// The text of a record that holds no more than most do, as an encoder would write it, which takes ten times as long; nil
  /// for any other. Names need no escapes.
  private static func plainText(of record: WeightConfig.Model) -> [UInt8]? {
    guard let active = record.active, let time = record.lastSwitch else { return nil }
    var plain = WeightConfig.Model(active: active)
    plain.lastSwitch = time
    guard record == plain else { return nil }
    return Array("{\n      \"active\" : \"\(active)\",\n      \"lastSwitch\" : \(time)\n    }".utf8)
  }
}
