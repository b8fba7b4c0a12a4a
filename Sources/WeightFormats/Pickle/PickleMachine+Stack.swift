extension PickleMachine {
  /// Pushes a value.
  mutating func push(_ value: PickleValue) throws(FormatError) {
    guard stack.count < PickleMachine.stackLimit else {
      throw error(.limit, "more than \(PickleMachine.stackLimit) objects on the stack")
    }
    stack.append(value)
  }

  /// Pops the topmost value, which must be above the last MARK.
  mutating func pop() throws(FormatError) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else { throw underflow() }
    return value
  }

  /// Closes the last MARK; returns the stack's height there.
  mutating func popMark() throws(FormatError) -> Int {
    guard let mark = marks.popLast() else { throw error(.malformed, "an opcode needs a MARK, and none is open") }
    return mark
  }

  private func underflow() -> FormatError { error(.malformed, "an opcode needs more objects than are on the stack") }

  /// Replaces the topmost `count` values by a tuple of them.
  mutating func pushTuple(_ count: Int) throws(FormatError) {
    let start = stack.count - count
    guard start >= (marks.last ?? 0) else { throw underflow() }
    let tuple = graph.makeTuple(stack[start...])
    stack.removeSubrange(start...)
    try push(tuple)
  }

  /// Moves the values from `start` on into the list below them.
  mutating func append(from start: Int) throws(FormatError) {
    guard start > (marks.last ?? 0), start <= stack.count else { throw underflow() }
    guard case .list(let index) = stack[start - 1] else {
      throw error(.forbidden, "APPEND to an object that is not a list")
    }
    graph.lists[index].append(contentsOf: stack[start...])
    stack.removeSubrange(start...)
  }

  /// Moves the keys and values from `start` on into the dictionary below them.
  mutating func setItems(from start: Int) throws(FormatError) {
    guard start > (marks.last ?? 0), start <= stack.count else { throw underflow() }
    guard case .dictionary(let index) = stack[start - 1] else {
      throw error(.forbidden, "SETITEM on an object that is not a dictionary")
    }
    guard (stack.count - start) % 2 == 0 else { throw error(.malformed, "a key without a value") }
    for position in stride(from: start, to: stack.count, by: 2) where !graph.isHashable(stack[position]) {
      throw error(.malformed, "a dictionary key that Python cannot hash")
    }
    graph.dictionaries[index].items.append(contentsOf: stack[start...])
    stack.removeSubrange(start...)
  }

  /// LONG1: a count, then little-endian two's complement.
  mutating func pushLong() throws(FormatError) {
    let range = try input.take(Int(try input.byte()))
    let bytes = input.bytes[range]
    let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
    guard bytes.dropFirst(8).allSatisfy({ $0 == (isNegative ? 0xFF : 0) }) else {
      return try push(.wideInteger(PickleText(range)))
    }
    var value: UInt64 = isNegative ? .max : 0
    for byte in bytes.prefix(8).reversed() { value = value << 8 | UInt64(byte) }
    let integer = Int64(bitPattern: value)
    guard (integer < 0) == isNegative else { return try push(.wideInteger(PickleText(range))) }
    try push(.integer(Int(integer)))
  }

  /// A string of `count` bytes of UTF-8.
  mutating func pushString(_ count: Int) throws(FormatError) {
    let range = try input.take(count)
    guard String(validating: input.bytes[range], as: UTF8.self) != nil else {
      throw error(.unsupported, "a string that is not valid UTF-8")
    }
    try push(.string(PickleText(range)))
  }

  /// The string that `text` stands for, while the pickle is still being read.
  func string(_ text: PickleText) -> String { String(decoding: input.bytes[text.range], as: UTF8.self) }

  /// Whether `value` is the string `string`.
  func isString(_ value: PickleValue, _ string: String) -> Bool {
    guard case .string(let text) = value else { return false }
    return input.bytes[text.range].elementsEqual(string.utf8)
  }

  /// GLOBAL: two lines, module and name.
  mutating func pushGlobal() throws(FormatError) {
    let moduleRange = try input.line()
    let nameRange = try input.line()
    let module = String(decoding: input.bytes[moduleRange], as: UTF8.self)
    let name = String(decoding: input.bytes[nameRange], as: UTF8.self)
    let path = module + "." + name
    let printable = path.unicodeScalars.allSatisfy { $0.value >= 0x20 } ? path : path.debugDescription
    switch PickleGlobal.named(name, in: module) {
    case .allowed(let global): try push(.global(global))
    case .unsupported(let kind):
      throw error(.unsupported, "the global \(printable) makes \(kind), which cannot be kept")
    case .forbidden: throw error(.forbidden, "the global \(printable) is not allowed in weights")
    }
  }
}
