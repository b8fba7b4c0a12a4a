extension PickleMachine {
  /// A count of eight bytes.
  mutating func wideCount() throws(FormatError) -> Int {
    let count = try input.integer(8)
    guard let count = Int(exactly: count) else { throw broken("\(count) bytes, more than there can be") }
    return count
  }

  // MARK: Numbers

  /// Pushes the number that an opcode stands for.
  mutating func pushNumber(_ opcode: Opcode) throws(FormatError) {
    switch opcode {
    case .binInt1: try push(.integer(UInt16(try input.byte())))
    case .binInt2: try push(.integer(UInt16(truncatingIfNeeded: try input.integer(2))))
    case .binInt: try pushInteger(digits: 4)
    case .long1: try pushInteger(digits: Int(try input.byte()))
    case .long4:
      let count = Int(Int32(truncatingIfNeeded: try input.integer(4)))
      guard count >= 0 else { throw broken("an integer of \(count) bytes") }
      try pushInteger(digits: count)
    case .binFloat:
      let range = try input.take(8)
      try pushFloat(Array(input.window[range]))
    case .float:
      let text = try numberLine(extra: "eEinfatyINFATYxX")
      guard let value = Double(text) else { return try pushUnclear(text) }
      var bytes: [UInt8] = []
      bytes.append(littleEndian: value.bitPattern)
      try pushFloat(bytes.reversed())
    case .int, .long: try pushInteger(line: opcode)
    default: throw error(.forbidden, "an opcode that pushes no number")
    }
  }

  private mutating func pushInteger(digits count: Int) throws(FormatError) {
    guard count <= 255 else {
      try input.skip(count)
      return try push(.unknown)
    }
    let range = try input.take(count)
    try input.budget.charge(1 + count)
    try push(.integer(at: arena.add(integer: input.window[range])))
  }

  private mutating func pushFloat(_ bytes: [UInt8]) throws(FormatError) {
    guard purpose != .judgement else { return try push(.float(at: 0)) }
    try input.budget.charge(8)
    try push(.float(at: arena.add(float: bytes)))
  }

  /// INT and LONG: a line of digits. Protocol 0 writes booleans as 00 and 01.
  private mutating func pushInteger(line opcode: Opcode) throws(FormatError) {
    var text = try numberLine(extra: opcode == .long ? "L" : "xXoObBabcdefABCDEF")
    if opcode == .int, text == "00" || text == "01" { return try push(.boolean(text == "01")) }
    if opcode == .long, text.hasSuffix("L") { text.removeLast() }
    guard let value = Int(text) else { return try pushUnclear(text) }
    var digits: [UInt8] = []
    digits.append(littleEndian: Int64(value))
    try input.budget.charge(9)
    try push(.integer(at: arena.add(integer: digits)))
  }

  /// A line that may be a number to Python.
  private mutating func numberLine(extra: String) throws(FormatError) -> String {
    String(decoding: try numberLine("a number", of: "0123456789+-._ \t\r\u{B}\u{C}" + extra), as: UTF8.self)
  }

  /// The bytes of a line that may be a number to Python: those of `characters`.
  mutating func numberLine(_ what: String, of characters: String) throws(FormatError) -> [UInt8] {
    let limit = 1024
    let (line, isWhole) = try input.beginningOfLine(limit: limit)
    let known = Array(characters.utf8)
    if let other = line.first(where: { !known.contains($0) }) {
      // CPython's unpickler in C reads a number as C does: what follows a zero byte does not matter.
      guard other != 0 else { throw error(.malformed, "\(what) that is ended by a zero byte") }
      throw broken("\(what) with bytes that belong to none")
    }
    guard !line.isEmpty else { throw broken("a line without \(what)") }
    guard isWhole else { throw error(.limit, "\(what) of more than \(limit) digits") }
    return line
  }

  private mutating func pushUnclear(_ text: String) throws(FormatError) {
    guard purpose == .judgement else { throw error(.unsupported, "the number \(text.prefix(80))") }
    try push(.unknown)
  }

  // MARK: Bytes

  /// BINBYTES and its like: `count` bytes, which stay in the file.
  mutating func pushBytes(_ count: Int, isArray: Bool = false) throws(FormatError) {
    var bytes = PickleBytes(count: count, fileOffset: input.fileOffset, fileByteCount: count, isLatin1Text: false)
    if count == 1 { bytes.only = try input.byte() } else { try input.skip(count) }
    try push(try add(bytes, isArray: isArray))
  }

  /// The reference for bytes.
  mutating func add(_ bytes: PickleBytes, isArray: Bool) throws(FormatError) -> PickleReference {
    try input.budget.charge(PickleArena.bytesRecord)
    let offset = arena.add(bytes)
    return isArray ? .bytearray(at: offset) : .bytes(at: offset)
  }

  // MARK: Texts

  /// Pushes the text that an opcode stands for.
  mutating func pushText(_ opcode: Opcode) throws(FormatError) {
    switch opcode {
    case .shortBinUnicode, .shortBinString: try pushText(Int(try input.byte()))
    case .binUnicode: try pushText(Int(try input.integer(4)))
    case .binUnicode8: try pushText(try wideCount())
    case .binString:
      let count = Int(Int32(truncatingIfNeeded: try input.integer(4)))
      guard count >= 0 else { throw broken("a string of \(count) bytes") }
      try pushText(count)
    default: try pushText(line: opcode)
    }
  }

  private mutating func pushText(_ count: Int) throws(FormatError) {
    let place = input.fileOffset
    if purpose == .judgement, count > PickleMachine.judgedElementLimit {
      // No name of a module is as long.
      try input.skip(count)
      try input.budget.charge(PickleArena.textHeader)
      return try push(.unknown)
    }
    guard count <= PickleArena.textLimit else { return try pushLongText(count, at: place) }
    let range = try input.take(count)
    var isValid = true
    do { _ = try UTF8Span(validating: input.window.span.extracting(range)) } catch { isValid = false }
    guard isValid else {
      // Python 2's strings may be any bytes.
      guard purpose == .judgement else { throw error(.unsupported, "a string that is not valid UTF-8") }
      return try push(.unknown)
    }
    try input.budget.charge(PickleArena.textHeader + count)
    try push(.string(at: arena.add(text: input.window[range], fileOffset: place)))
  }

  /// A text that is looked at as it goes by.
  private mutating func pushLongText(_ count: Int, at place: Int?) throws(FormatError) {
    guard count <= PickleMachine.textByteLimit else {
      throw error(.limit, "a text of \(count) bytes, more than the \(PickleMachine.textByteLimit) accepted")
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
      let end = bytes.count - PickleMachine.openTail(of: bytes)
      do { _ = try UTF8Span(validating: bytes.span.extracting(0..<end)) } catch { isValid = false }
      for byte in bytes[..<end] {
        if byte & 0xC0 != 0x80 { characters += 1 }
        if byte > 0xC3 { isLatin1 = false }
      }
      pending = Array(bytes[end...])
    }
    guard isValid, pending.isEmpty else { throw error(.unsupported, "a string that is not valid UTF-8") }
    try charge(count / 64)
    try input.budget.charge(PickleArena.textHeader + start.count)
    let offset = arena.add(
      longText: start, count: count, fileOffset: place, latin1Count: isLatin1 ? characters : nil)
    try push(.string(at: offset))
  }

  /// Bytes of text that are accepted in one piece.
  private static let textByteLimit = 1 << 30

  /// How many bytes at the end begin a character that is not complete.
  private static func openTail(of bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }

  /// STRING and UNICODE: a line, in quotes or not. Those with escapes are data that nothing here needs to know.
  private mutating func pushText(line opcode: Opcode) throws(FormatError) {
    guard var line = try input.line(limit: 4096) else {
      guard purpose == .judgement else { throw error(.limit, "a line of more than 4096 bytes") }
      while try input.line(limit: 1 << 16) == nil { try charge(1024) }
      return try push(.unknown)
    }
    if opcode == .string {
      while let last = line.last, last == 0x20 || (0x09...0x0D).contains(last) { line.removeLast() }
      guard line.count >= 2, let quote = line.first, quote == 0x22 || quote == 0x27, line.last == quote else {
        throw broken("a string without quotes")
      }
      line = Array(line.dropFirst().dropLast())
    }
    guard !line.contains(UInt8(ascii: "\\")), line.allSatisfy({ $0 < 0x80 }) else {
      guard purpose == .judgement else { throw error(.unsupported, "a text with escapes") }
      return try push(.unknown)
    }
    try input.budget.charge(PickleArena.textHeader + line.count)
    try push(.string(at: arena.add(text: line, fileOffset: nil)))
  }

  /// The text as a string, while the pickle is still being read.
  func string(_ text: PickleText) -> String { String(decoding: arena.records[text.range], as: UTF8.self) }

  /// Whether `value` is the string `string`.
  func isString(_ value: PickleValue, _ string: String) -> Bool {
    guard case .string(let text) = value, text.isWhole else { return false }
    return arena.records[text.range].elementsEqual(string.utf8)
  }
}
