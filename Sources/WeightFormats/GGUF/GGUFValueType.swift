/// What a key's value is: `enum gguf_type` in gguf.h.
enum GGUFValueType: UInt32 {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of a string that are told.
  private static let textLimit = 200

  var name: String {
    switch self {
    case .uint8: "u8"
    case .int8: "i8"
    case .uint16: "u16"
    case .int16: "i16"
    case .uint32: "u32"
    case .int32: "i32"
    case .float32: "f32"
    case .bool: "bool"
    case .string: "string"
    case .array: "array"
    case .uint64: "u64"
    case .int64: "i64"
    case .float64: "f64"
    }
  }

  /// Bytes of a value; nil for those that say their own length.
  private var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }

  /// Reads a value, and says what it is: of arrays the type and the length alone.
  func readText(of key: String, _ reader: inout GGUFReader) throws(FormatError) -> String {
    let what = "key '\(key)'"
    switch self {
    case .uint8: return String(try reader.number(UInt8.self, what))
    case .int8: return String(try reader.number(Int8.self, what))
    case .uint16: return String(try reader.number(UInt16.self, what))
    case .int16: return String(try reader.number(Int16.self, what))
    case .uint32: return String(try reader.number(UInt32.self, what))
    case .int32: return String(try reader.number(Int32.self, what))
    case .uint64: return String(try reader.number(UInt64.self, what))
    case .int64: return String(try reader.number(Int64.self, what))
    case .float32: return "\(Float(bitPattern: try reader.number(UInt32.self, what)))"
    case .float64: return "\(Double(bitPattern: try reader.number(UInt64.self, what)))"
    case .bool: return try reader.number(UInt8.self, what) == 0 ? "false" : "true"
    case .string: return try Self.string(what, &reader)
    case .array: return try Self.array(what, &reader)
    }
  }

  private static func string(_ what: String, _ reader: inout GGUFReader) throws(FormatError)
    -> String
  {
    let length = try reader.length(what)
    let kept = min(length, textLimit)
    let text = String(decoding: try reader.bytes(kept, what), as: UTF8.self)
    try reader.skip(length - kept, what)
    return length > kept ? text + "..." : text
  }

  private static func array(_ what: String, _ reader: inout GGUFReader) throws(FormatError)
    -> String
  {
    let start = reader.offset
    let number = try reader.number(UInt32.self, what)
    guard let element = Self(rawValue: number) else {
      throw FormatError(
        .malformed, "\(what): an array of the unknown type \(number) at offset \(start)")
    }
    guard element != .array else {
      throw FormatError(
        .unsupported, "\(what): an array of arrays at offset \(start), which no GGUF reader takes")
    }
    let count = try reader.number(UInt64.self, what)
    // A string has a length of eight bytes.
    guard count <= UInt64(reader.remaining / (element.byteCount ?? 8)) else {
      throw FormatError(
        .truncated,
        "\(what): \(count) elements cannot be in the \(reader.remaining) bytes after offset \(start + 12)"
      )
    }
    if let width = element.byteCount {
      try reader.skip(Int(count) * width, what)
    } else {
      try reader.skipStrings(count, what)
    }
    return "\(count) \(element == .string ? "strings" : "numbers (\(element.name))")"
  }
}
