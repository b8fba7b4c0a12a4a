import FoundationEssentials
import WeightFormats

/// The top-level fields of a config.json that anybody may have written. Reading never traps and never recurses.
package struct ConfigurationFields: Sendable {
  /// Why a config.json, or a field of it, cannot be used: one sentence without a final stop.
  package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
  }

  /// The largest config.json that is read, in bytes.
  package static let byteLimit = 1 << 20
  /// The largest integer that a dimension may be: products of two and sums of four stay far from overflow.
  package static let dimensionLimit = 1 << 30

  /// The most pixels that a model's images may have along a side.
  package static let imageLimit = 4096
  /// The most channels of a convolution.
  package static let channelLimit = 4096

  /// Scalars and arrays of scalars; whatever else a field holds is an empty object here.
  private let values: [String: ConfigurationValue]

  /// Parses JSON as Python does, `NaN` and `Infinity` included.
  package init(parsing bytes: [UInt8]) throws(Problem) {
    guard bytes.count <= Self.byteLimit else {
      throw Problem("expected at most \(Self.byteLimit) bytes, found \(bytes.count)")
    }
    let decoder = JSONDecoder()
    do {
      let text = Data(try JSONReader.keepingLastMembers(of: bytes))
      do {
        values = try decoder.decode([String: Field].self, from: text).mapValues(\.value)
      } catch {
        // The constants that Python writes for infinities are JSON5, not JSON.
        decoder.allowsJSON5 = true
        values = try decoder.decode([String: Field].self, from: text).mapValues(\.value)
      }
    } catch {
      throw Problem("expected a JSON object")
    }
  }

  /// The text under `key`; nil if it is absent or something else.
  package func string(_ key: String) -> String? {
    if case .string(let value)? = values[key] { value } else { nil }
  }

  /// The texts under `key`; empty if it is absent or something else.
  package func strings(_ key: String) -> [String] {
    guard case .array(let elements)? = values[key] else { return [] }
    return elements.compactMap { if case .string(let value) = $0 { value } else { nil } }
  }

  /// The boolean under `key`, or `absent` if there is none.
  package func boolean(_ key: String, absent: Bool) throws(Problem) -> Bool {
    switch values[key] {
    case nil, .null?: return absent
    case .boolean(let value)?: return value
    case let value?: throw Problem("\(key): expected true or false, found \(value.excerpt)")
    }
  }

  /// The tokens under `key`: a number, a list of numbers, or nothing.
  package func tokens(_ key: String) throws(Problem) -> [Int32] {
    let elements: [ConfigurationValue]
    switch values[key] {
    case nil, .null?: return []
    case .array(let list)?: elements = list
    case let value?: elements = [value]
    }
    var tokens: [Int32] = []
    for element in elements {
      guard case .integer(let number) = element, number >= 0, let token = Int32(exactly: number) else {
        throw Problem("\(key): expected a token or a list of tokens, found \(element.excerpt)")
      }
      tokens.append(token)
    }
    return tokens
  }

  /// The dimension under `key`, at least 1, or `absent` if there is none; required if that is nil.
  package func dimension(_ key: String, absent: Int? = nil) throws(Problem) -> Int {
    guard let value = values[key], value != .null else {
      guard let absent else { throw Problem("\(key): expected an integer, found nothing") }
      return absent
    }
    return try Self.dimension(value, key)
  }

  /// The dimensions under `key`: between 1 and `limit` of them.
  package func dimensions(_ key: String, limit: Int) throws(Problem) -> [Int] {
    guard case .array(let elements)? = values[key], (1...limit).contains(elements.count) else {
      throw Problem("\(key): expected a list of 1 to \(limit) integers, found \((values[key] ?? .null).excerpt)")
    }
    var dimensions: [Int] = []
    for element in elements { dimensions.append(try Self.dimension(element, key)) }
    return dimensions
  }

  /// The channels of stages of convolution under `key`: of 1 to 8 stages.
  package func channels(_ key: String) throws(Problem) -> [Int] {
    let channels = try dimensions(key, limit: 8)
    guard channels.allSatisfy({ $0 <= Self.channelLimit }) else {
      throw Problem("\(key): expected at most \(Self.channelLimit), found \(channels)")
    }
    return channels
  }

  /// The positive number under `key`, at most ``dimensionLimit``, or `absent` if there is none.
  package func positiveNumber(_ key: String, absent: Double) throws(Problem) -> Double {
    switch values[key] {
    case nil, .null?: return absent
    case .integer(let value)? where (1...Self.dimensionLimit).contains(value): return Double(value)
    case .number(let value)? where value > 0 && value <= Double(Self.dimensionLimit): return value
    case let value?: throw Problem("\(key): expected a positive number, found \(value.excerpt)")
    }
  }

  private static func dimension(_ value: ConfigurationValue, _ key: String) throws(Problem) -> Int {
    guard case .integer(let number) = value, (1...dimensionLimit).contains(number) else {
      throw Problem("\(key): expected an integer from 1 to \(dimensionLimit), found \(value.excerpt)")
    }
    return number
  }
}

/// Decodes a scalar, or an array of scalars, and never looks deeper.
private struct Field: Decodable {
  let value: ConfigurationValue

  init(from decoder: any Decoder) throws {
    let single = try decoder.singleValueContainer()
    if let scalar = Self.scalar(single) {
      value = scalar
    } else if var list = Self.list(decoder) {
      var elements: [ConfigurationValue] = []
      while !list.isAtEnd { elements.append(try list.decode(Element.self).value) }
      value = .array(elements)
    } else {
      value = .object([:])
    }
  }

  /// Nil where the value is of another kind: each attempt asks a question, and its failure is an answer.
  private static func scalar(_ container: any SingleValueDecodingContainer) -> ConfigurationValue? {
    if container.decodeNil() { return .null }
    if let value = try? container.decode(Bool.self) { return .boolean(value) }
    if let value = try? container.decode(Int.self) { return .integer(value) }
    if let value = try? container.decode(Double.self), value.isFinite { return .number(value) }
    if let value = try? container.decode(String.self) { return .string(value) }
    return nil
  }

  private static func list(_ decoder: any Decoder) -> (any UnkeyedDecodingContainer)? {
    try? decoder.unkeyedContainer()
  }

  private struct Element: Decodable {
    let value: ConfigurationValue

    init(from decoder: any Decoder) throws {
      value = Field.scalar(try decoder.singleValueContainer()) ?? .object([:])
    }
  }
}

extension ConfigurationValue {
  /// The beginning of the text, for a message.
  fileprivate var excerpt: String {
    if case .object = self { return "something else" }
    let whole = text
    return whole.count <= 60 ? whole : whole.prefix(60) + "..."
  }
}
