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
    if try hasAscendingNames(bytes) { return bytes }
    var result = bytes
    // By depth: where members are that another one follows, by name, and the member that comes.
    var members = [[[UInt8]: Range<Int>]](repeating: [:], count: maximumDepth)
    var current = [(name: [UInt8], start: Int)](repeating: ([], 0), count: maximumDepth)
    try walk(
      bytes,
      begin: { (depth, name, isFirst) throws(FormatError) in
        if isFirst { members[depth] = [:] }
        var reader = JSONReader(validUTF8: Array(bytes[name]), fileOffset: name.lowerBound)
        current[depth] = (try reader.string(maximum: SafetensorsHeader.nameByteLimit), name.lowerBound)
        guard let earlier = members[depth][current[depth].name] else { return }
        result.replaceSubrange(earlier, with: repeatElement(UInt8(ascii: " "), count: earlier.count))
      },
      next: { depth, comma in members[depth][current[depth].name] = current[depth].start..<comma + 1 })
    return result
  }

  /// Whether the names of each object's members ascend, as in what this software writes: then no two are the same.
  private static func hasAscendingNames(_ bytes: [UInt8]) throws(FormatError) -> Bool {
    var last = [Range<Int>](repeating: 0..<0, count: maximumDepth)
    var isAscending = true
    try walk(
      bytes,
      begin: { (depth, name, isFirst) throws(FormatError) in
        let isPlain = !bytes[name].contains(UInt8(ascii: "\\"))
        isAscending =
          isAscending && isPlain && (isFirst || bytes[last[depth]].lexicographicallyPrecedes(bytes[name]))
        last[depth] = name
      }, next: { _, _ in })
    return isAscending
  }

  /// Reads a text, and tells of the members of its objects.
  ///
  /// - Parameters:
  ///   - begin: is told where a member's name is, quotes included, and how many containers are around its object.
  ///   - next: is told where the comma is after a member that another one follows.
  private static func walk(
    _ bytes: [UInt8],
    begin: (_ depth: Int, _ name: Range<Int>, _ isFirst: Bool) throws(FormatError) -> Void,
    next: (_ depth: Int, _ comma: Int) -> Void
  ) throws(FormatError) {
    var reader = JSONReader(validUTF8: bytes, fileOffset: 0)
    /// Whether each open container is an object.
    var open: [Bool] = []
    repeat {
      var isComplete = true
      var isFirst = false
      switch reader.peek() {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard open.count < maximumDepth else {
          throw FormatError(.limit, "more than \(maximumDepth) levels of nesting at offset \(reader.offset)")
        }
        let isObject = reader.consume("{")
        if !isObject { try reader.expect("[") }
        if !reader.consume(isObject ? "}" : "]") {
          open.append(isObject)
          isComplete = false
          isFirst = true
        }
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
      while isComplete, let isObject = open.last {
        if reader.consume(",") {
          isComplete = false
          if isObject { next(open.count - 1, reader.offset - 1) }
        } else {
          try reader.expect(isObject ? "}" : "]")
          open.removeLast()
        }
      }
      guard !isComplete, open.last == true else { continue }
      _ = reader.peek()
      let start = reader.offset
      _ = try reader.string(keeping: 0)
      try begin(open.count - 1, start..<reader.offset, isFirst)
      try reader.expect(":")
    } while !open.isEmpty
    try reader.expectEnd()
  }
}
