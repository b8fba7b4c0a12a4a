import Tensors

/// Reads texts and bytes as opcodes have them.
enum PickleTexts {
  /// Bytes of text that are accepted in one piece.
  private static let byteLimit = 1 << 30

  // MARK: Bytes

  /// BINBYTES and its like: `count` bytes, which stay in the file.
  static func bytes(
    _ count: Int, isArray: Bool, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    var bytes = PickleBytes(count: count, fileOffset: input.fileOffset, fileByteCount: count, isLatin1Text: false)
    if count == 1 { bytes.only = try input.byte() } else { try input.skip(count) }
    return try heap.add(bytes, isArray: isArray)
  }

  // MARK: Texts

  /// The text that an opcode stands for.
  static func text(
    _ opcode: PickleOpcode, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    switch opcode {
    case .shortBinUnicode, .shortBinString: return try text(Int(try input.byte()), from: &input, in: &heap)
    case .binUnicode: return try text(Int(try input.integer(4)), from: &input, in: &heap)
    case .binUnicode8:
      return try text(try PickleNumbers.wideCount(from: &input, in: &heap), from: &input, in: &heap)
    case .binString:
      let count = Int(Int32(truncatingIfNeeded: try input.integer(4)))
      guard count >= 0 else { throw heap.broken("a string of \(count) bytes") }
      return try text(count, from: &input, in: &heap)
    default: return try text(line: opcode, from: &input, in: &heap)
    }
  }

  private static func text(
    _ count: Int, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    let place = input.fileOffset
    if heap.purpose == .judgement, count > PickleHeap.judgedElementLimit {
      // No name of a module is as long.
      try input.skip(count)
      try heap.chargeMemory(PickleArena.textHeader)
      return .unknown
    }
    guard count <= PickleArena.textLimit else { return try longText(count, at: place, from: &input, in: &heap) }
    let range = try input.take(count)
    var isValid = true
    do { _ = try UTF8Span(validating: input.window.span.extracting(range)) } catch { isValid = false }
    guard isValid else {
      // Python 2's strings may be any bytes.
      guard heap.purpose == .judgement else { throw heap.error(.unsupported, "a string that is not valid UTF-8") }
      return .unknown
    }
    try heap.chargeMemory(PickleArena.textHeader + count)
    return .string(at: heap.graph.arena.add(text: input.window[range], fileOffset: place))
  }

  /// A text that is looked at as it goes by.
  private static func longText(
    _ count: Int, at place: Int?, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard count <= byteLimit else {
      throw heap.error(.limit, "a text of \(count) bytes, more than the \(byteLimit) accepted")
    }
    var start: [UInt8] = []
    var pending: [UInt8] = []
    var characters = 0
    var isLatin1 = true
    var isValid = true
    try input.forEachPiece(of: count) { (window, range) throws(FormatError) in
      if start.count < 256 { start += window[range].prefix(256 - start.count) }
      let bytes = pending + window[range]
      // What may be the beginning of a character is looked at with what follows.
      let end = bytes.count - bytes.unfinishedCharacterByteCount
      do { _ = try UTF8Span(validating: bytes.span.extracting(0..<end)) } catch { isValid = false }
      for byte in bytes[..<end] {
        if byte & 0xC0 != 0x80 { characters += 1 }
        if byte > 0xC3 { isLatin1 = false }
      }
      pending = Array(bytes[end...])
    }
    guard isValid, pending.isEmpty else { throw heap.error(.unsupported, "a string that is not valid UTF-8") }
    try heap.charge(count / 64)
    try heap.chargeMemory(PickleArena.textHeader + start.count)
    return .string(
      at: heap.graph.arena.add(
        longText: start, count: count, fileOffset: place, latin1Count: isLatin1 ? characters : nil))
  }

  /// STRING and UNICODE: a line, in quotes or not. Those with escapes are data that nothing here needs to know.
  private static func text(
    line opcode: PickleOpcode, from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard var line = try input.line(limit: 4096) else {
      guard heap.purpose == .judgement else { throw heap.error(.limit, "a line of more than 4096 bytes") }
      while try input.line(limit: 1 << 16) == nil { try heap.charge(1024) }
      return .unknown
    }
    if opcode == .string {
      while let last = line.last, last == 0x20 || (0x09...0x0D).contains(last) { line.removeLast() }
      guard line.count >= 2, let quote = line.first, quote == 0x22 || quote == 0x27, line.last == quote else {
        throw heap.broken("a string without quotes")
      }
      line = Array(line.dropFirst().dropLast())
    }
    guard !line.contains(UInt8(ascii: "\\")), line.allSatisfy({ $0 < 0x80 }) else {
      guard heap.purpose == .judgement else { throw heap.error(.unsupported, "a text with escapes") }
      return .unknown
    }
    try heap.chargeMemory(PickleArena.textHeader + line.count)
    return .string(at: heap.graph.arena.add(text: line, fileOffset: nil))
  }
}
