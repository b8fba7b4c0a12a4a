import WeightFormats

extension WeightConfig {
  /// Reads `weight_config.json`.
  ///
  /// Of most models only the active version and the time of its switch are recorded. Those are read by a plain scan, which
  /// takes a tenth of a decoder's time: every command reads this file, and there may be thousands of models.
  ///
  /// - Throws: `damaged`, saying where.
  package static func read(_ bytes: [UInt8]) throws(StoreError) -> WeightConfig {
    do {
      if let config = try scan(bytes) { return config }
    } catch {
      // The decoder says what is wrong.
    }
    return try StoreCoding.decode(WeightConfig.self, from: bytes, what: StoreFolder.configName)
  }

  /// nil for what a decoder has to read.
  private static func scan(_ bytes: [UInt8]) throws -> WeightConfig? {
    guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
    var reader = JSONReader(validUTF8: bytes, fileOffset: 0)
    var config = WeightConfig()
    var others: [ModelName: Range<Int>] = [:]
    var policies: Range<Int>?
    var (hasFormat, hasModels) = (false, false)
    let isKnown = try reader.members { key, reader throws(FormatError) in
      switch key {
      case "format":
        config.format = Int(clamping: try reader.unsignedInteger())
        hasFormat = true
      case "models":
        if hasModels { return false }
        hasModels = try reader.members { key, reader throws(FormatError) in
          guard let name = ModelName(key) else { return false }
          let start = reader.offset
          var here = reader
          if let model = try Model.scan(&here) {
            reader = here
            return config.models.updateValue(model, forKey: name) == nil
          }
          try reader.skipValue(depth: 2)
          others[name] = start..<reader.offset
          return config.models.updateValue(Model(), forKey: name) == nil
        }
      case "policies":
        let start = reader.offset
        try reader.skipValue(depth: 1)
        policies = start..<reader.offset
      default: return false
      }
      return true
    }
    try reader.expectEnd()
    guard isKnown, hasFormat, hasModels, others.count * 4 <= config.models.count else { return nil }
    if let policies {
      config.policies = try StoreCoding.decode(PolicySettings.self, from: Array(bytes[policies]), what: "policies")
    }
    for (name, range) in others {
      config.models[name] = try StoreCoding.decode(Model.self, from: Array(bytes[range]), what: name.text)
    }
    return config
  }
}

extension WeightConfig.Model {
  /// nil for a record of which more is known.
  fileprivate static func scan(_ reader: inout JSONReader) throws(FormatError) -> Self? {
    var model = Self()
    let isPlain = try reader.members { key, reader throws(FormatError) in
      switch key {
      case "active":
        model.active = VersionName(String(decoding: try reader.string(maximum: 128), as: UTF8.self))
        return model.active != nil
      case "lastSwitch":
        model.lastSwitch = Int64(exactly: try reader.unsignedInteger())
        return model.lastSwitch != nil
      default: return false
      }
    }
    return isPlain ? model : nil
  }
}
