extension JSONReader {
  /// The text without the members of objects that a later member of the same name replaces. Decoders differ in which of the two they
  /// take; everywhere here the last counts, as in Python. What goes gives way to spaces, so that places in messages stay.
  ///
  /// - Throws: `malformed` or `limit` for what is not JSON, with the constants that Python writes for infinities.
  package static func keepingLastMembers(of bytes: [UInt8]) throws(FormatError) -> [UInt8] {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw FormatError(.malformed, "the text is not UTF-8")
    }
    var reader = JSONReader(validUTF8: bytes, fileOffset: 0)
    var result = bytes
    var open: [Container] = []
    repeat {
      var isComplete = true
      switch reader.peek() {
      case UInt8(ascii: "{"):
        isComplete = try reader.begin("{", "}", Container(isObject: true), &open)
      case UInt8(ascii: "["):
        isComplete = try reader.begin("[", "]", Container(isObject: false), &open)
      case UInt8(ascii: "N"): try reader.literal("NaN")
      case UInt8(ascii: "I"): try reader.literal("Infinity")
      case UInt8(ascii: "-"):
        _ = reader.consume("-")
        if reader.peek() == UInt8(ascii: "I") {
          try reader.literal("Infinity")
        } else {
          try reader.skipValue(depth: open.count)
        }
      default: try reader.skipValue(depth: open.count)
      }
      while isComplete, let last = open.indices.last {
        if reader.consume(",") {
          isComplete = false
          open[last].endMember(at: reader.offset)
        } else {
          try reader.expect(open[last].isObject ? "}" : "]")
          open.removeLast()
        }
      }
      guard !isComplete, let last = open.indices.last, open[last].isObject else { continue }
      if let earlier = try open[last].beginMember(&reader) {
        result.replaceSubrange(earlier, with: repeatElement(UInt8(ascii: " "), count: earlier.count))
      }
    } while !open.isEmpty
    try reader.expectEnd()
    return result
  }

  /// An object or array that is being read.
  private struct Container {
    let isObject: Bool
    private var name: [UInt8] = []
    private var start = 0
    /// Where members of an object are that another one follows, by name; each with its comma.
    private var members: [[UInt8]: Range<Int>] = [:]

    init(isObject: Bool) { self.isObject = isObject }

    /// - Returns: where an earlier member of the same name is.
    mutating func beginMember(_ reader: inout JSONReader) throws(FormatError) -> Range<Int>? {
      _ = reader.peek()
      start = reader.offset
      name = try reader.string(maximum: SafetensorsHeader.nameByteLimit)
      try reader.expect(":")
      return members[name]
    }

    mutating func endMember(at end: Int) {
      if isObject { members[name] = start..<end }
    }
  }

  /// Consumes the beginning of a container; whether that was all of it.
  private mutating func begin(
    _ opening: UnicodeScalar, _ closing: UnicodeScalar, _ container: Container, _ open: inout [Container]
  ) throws(FormatError) -> Bool {
    guard open.count < Self.maximumDepth else {
      throw FormatError(.limit, "more than \(Self.maximumDepth) levels of nesting at offset \(offset)")
    }
    try expect(opening)
    if consume(closing) { return true }
    open.append(container)
    return false
  }
}
