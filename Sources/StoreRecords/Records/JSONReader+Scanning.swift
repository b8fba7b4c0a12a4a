import Tensors
import WeightFormats

/// Plain scans of the JSON of records that are read very often. They take a tenth of a decoder's time.
///
/// A scan knows the members that most records have, and nothing else. It answers nil for a record that a decoder has to read, and
/// for one that is damaged: a decoder says better what is wrong. Of members of the same name the last counts.
extension JSONReader {
  /// The record that is a whole text.
  static func scan<Record>(
    _ bytes: [UInt8], _ record: (_ reader: inout JSONReader) throws(FormatError) -> Record?
  ) -> Record? {
    guard (try? UTF8Span(validating: bytes.span)) != nil else { return nil }
    var reader = JSONReader(validUTF8: bytes, fileOffset: 0)
    do throws(FormatError) {
      let record = try record(&reader)
      if record != nil { try reader.expectEnd() }
      return record
    } catch {
      return nil
    }
  }

  /// Consumes an object, whose members `read` consumes, given their names.
  ///
  /// - Returns: false if `read` did so, which ends the scan.
  mutating func members(
    _ read: (_ name: String, _ reader: inout JSONReader) throws(FormatError) -> Bool
  ) throws(FormatError) -> Bool {
    try expect("{")
    if consume("}") { return true }
    repeat {
      let name = try text()
      try expect(":")
      guard try read(name, &self) else { return false }
    } while consume(",")
    try expect("}")
    return true
  }

  /// Consumes an array, whose elements `read` consumes; nil if `read` answered so, which ends the scan.
  mutating func elements<Element>(
    _ read: (_ reader: inout JSONReader) throws(FormatError) -> Element?
  ) throws(FormatError) -> [Element]? {
    try expect("[")
    if consume("]") { return [] }
    var elements: [Element] = []
    repeat {
      guard let element = try read(&self) else { return nil }
      elements.append(element)
    } while consume(",")
    try expect("]")
    return elements
  }

  /// Consumes a string of at most 1 MiB.
  mutating func text() throws(FormatError) -> String {
    String(decoding: try string(maximum: 1 << 20), as: UTF8.self)
  }

  /// Consumes a string that is a digest in hexadecimal digits.
  mutating func digest() throws(FormatError) -> Digest? { Digest(digits: try string(maximum: 64)) }

  /// Consumes an array of such strings.
  mutating func digests() throws(FormatError) -> [Digest]? {
    try elements { reader throws(FormatError) in try reader.digest() }
  }

  /// Consumes a non-negative integer; nil if it is too large.
  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Int.self) throws(FormatError) -> Value? {
    Value(exactly: try unsignedInteger())
  }
}
