/// Reads numbers as opcodes have them: in bytes, or in a line of text.
enum PickleNumbers {
  /// A count of eight bytes.
  static func wideCount(
    from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> Int {
    let count = try input.integer(8)
    guard let count = Int(exactly: count) else { throw heap.broken("\(count) bytes, more than there can be") }
    return count
  }

  /// The number in a line of GET or PUT.
  static func memoIndex(from input: inout PickleInput, in heap: inout PickleHeap) throws(FormatError) -> Int {
    let line = try line("a memo index", of: "0123456789+-_ \t\r\u{B}\u{C}", from: &input, in: &heap)
    guard line.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let index = Int(String(decoding: line, as: UTF8.self)) else {
      throw heap.error(.malformed, "a memo index that is not plain")
    }
    return index
  }

  /// The number that an opcode stands for.
  static func number(
    _ opcode: PickleOpcode, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    switch opcode {
    case .binInt1: return .integer(UInt16(try input.byte()))
    case .binInt2: return .integer(UInt16(truncatingIfNeeded: try input.integer(2)))
    case .binInt: return try integer(digits: 4, from: &input, in: &heap)
    case .long1: return try integer(digits: Int(try input.byte()), from: &input, in: &heap)
    case .long4:
      let count = Int(Int32(truncatingIfNeeded: try input.integer(4)))
      guard count >= 0 else { throw heap.broken("an integer of \(count) bytes") }
      return try integer(digits: count, from: &input, in: &heap)
    case .binFloat:
      let range = try input.take(8)
      return try float(input.window[range], in: &heap)
    case .float:
      let text = try line(extra: "eEinfatyINFATYxX", from: &input, in: &heap)
      guard let value = Double(text) else { return try unclear(text, in: heap) }
      var bytes: [UInt8] = []
      bytes.append(littleEndian: value.bitPattern)
      bytes.reverse()
      return try float(bytes[...], in: &heap)
    case .int, .long: return try integer(line: opcode, from: &input, in: &heap)
    default: throw heap.error(.forbidden, "an opcode that pushes no number")
    }
  }

  private static func integer(
    digits count: Int, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard count <= 255 else {
      try input.skip(count)
      return .unknown
    }
    let range = try input.take(count)
    try heap.chargeMemory(1 + count)
    return .integer(at: heap.graph.arena.add(integer: input.window[range]))
  }

  private static func float(
    _ bytes: ArraySlice<UInt8>, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard heap.purpose != .judgement else { return .float(at: 0) }
    try heap.chargeMemory(8)
    return .float(at: heap.graph.arena.add(float: bytes))
  }

  /// INT and LONG: a line of digits. Protocol 0 writes booleans as 00 and 01.
  private static func integer(
    line opcode: PickleOpcode, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    var text = try line(extra: opcode == .long ? "L" : "xXoObBabcdefABCDEF", from: &input, in: &heap)
    if opcode == .int, text == "00" || text == "01" { return .boolean(text == "01") }
    if opcode == .long, text.hasSuffix("L") { text.removeLast() }
    guard let value = Int(text) else { return try unclear(text, in: heap) }
    var digits: [UInt8] = []
    digits.append(littleEndian: Int64(value))
    try heap.chargeMemory(9)
    return .integer(at: heap.graph.arena.add(integer: digits))
  }

  private static func unclear(
    _ text: String, in heap: borrowing PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard heap.purpose == .judgement else { throw heap.error(.unsupported, "the number \(text.prefix(80))") }
    return .unknown
  }

  /// A line that may be a number to Python.
  private static func line(
    extra: String, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> String {
    let line = try line("a number", of: "0123456789+-._ \t\r\u{B}\u{C}" + extra, from: &input, in: &heap)
    return String(decoding: line, as: UTF8.self)
  }

  /// The bytes of such a line: those of `characters`.
  private static func line(
    _ what: String, of characters: String, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> [UInt8] {
    let limit = 1024
    let (line, isWhole) = try input.beginningOfLine(limit: limit)
    let known = Array(characters.utf8)
    if let other = line.first(where: { !known.contains($0) }) {
      // CPython's unpickler in C reads a number as C does: what follows a zero byte does not matter.
      guard other != 0 else { throw heap.error(.malformed, "\(what) that is ended by a zero byte") }
      throw heap.broken("\(what) with bytes that belong to none")
    }
    guard !line.isEmpty else { throw heap.broken("a line without \(what)") }
    guard isWhole else { throw heap.error(.limit, "\(what) of more than \(limit) digits") }
    return line
  }
}
