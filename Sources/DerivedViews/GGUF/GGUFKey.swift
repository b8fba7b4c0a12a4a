import WeightFormats

/// A key of a GGUF file, and its value.
struct GGUFKey: Sendable, Hashable {
  enum Value: Sendable, Hashable {
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    /// Any bytes: a token need not be UTF-8.
    case strings([[UInt8]])
    case int32s([Int32])
    case float32s([Float])
    /// What `general.file_type` is, which depends on the type that the file is made in.
    case fileType
  }

  var name: String
  var value: Value

  init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }

  /// Appends the key and its value as they stand in a file. Little-endian; strings with their lengths.
  func append(to bytes: inout [UInt8]) {
    bytes.append(text: name)
    switch value {
    case .uint32(let value): bytes.append(number: value, kind: 4)
    case .int32(let value): bytes.append(number: value, kind: 5)
    case .float32(let value): bytes.append(number: value.bitPattern, kind: 6)
    case .bool(let value): bytes.append(number: UInt8(value ? 1 : 0), kind: 7)
    case .string(let value):
      bytes.append(number: UInt32(8))
      bytes.append(text: value)
    case .strings(let values):
      bytes.append(arrayOf: 8, count: values.count)
      for value in values {
        bytes.append(number: UInt64(value.count))
        bytes.append(contentsOf: value)
      }
    case .int32s(let values):
      bytes.append(arrayOf: 5, count: values.count)
      for value in values { bytes.append(number: value) }
    case .float32s(let values):
      bytes.append(arrayOf: 6, count: values.count)
      for value in values { bytes.append(number: value.bitPattern) }
    case .fileType: bytes.append(number: UInt32(0), kind: 4)
    }
  }
}

/// Keys as they stand in files.
struct GGUFKeyList: Sendable {
  let count: Int
  private let bytes: [UInt8]
  /// Where in the bytes the file's type stands, which is not the same in each file.
  private let fileTypeOffsets: [Int]

  init(_ keys: [GGUFKey]) {
    count = keys.count
    var bytes: [UInt8] = []
    var offsets: [Int] = []
    for key in keys {
      key.append(to: &bytes)
      if key.value == .fileType { offsets.append(bytes.count - MemoryLayout<UInt32>.size) }
    }
    (self.bytes, fileTypeOffsets) = (bytes, offsets)
  }

  var byteCount: Int { bytes.count }

  func append(to header: inout [UInt8], for type: GGUFType) {
    let start = header.count
    header.append(contentsOf: bytes)
    for offset in fileTypeOffsets {
      withUnsafeBytes(of: type.fileType.littleEndian) { number in
        header.replaceSubrange(start + offset..<start + offset + number.count, with: number)
      }
    }
  }
}

extension [UInt8] {
  /// Appends a number, little-endian.
  mutating func append<Number: FixedWidthInteger>(number: Number) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends a value's type, and the value.
  fileprivate mutating func append<Number: FixedWidthInteger>(number: Number, kind: UInt32) {
    append(number: kind)
    append(number: number)
  }

  fileprivate mutating func append(arrayOf kind: UInt32, count: Int) {
    append(number: UInt32(9))
    append(number: kind)
    append(number: UInt64(count))
  }

  /// Appends a string with its length.
  mutating func append(text: String) {
    append(number: UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}
