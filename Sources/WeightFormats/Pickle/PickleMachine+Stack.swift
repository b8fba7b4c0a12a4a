extension PickleMachine {
  /// Height below which the current opcode may not reach.
  var floor: Int { Int(marks.last ?? 0) }

  /// What a reference stands for.
  func value(_ reference: PickleReference) -> PickleValue { reference.value(in: input.bytes) }

  /// What the first `limit` elements of a tuple stand for.
  ///
  /// A loop, because passing `value` as a function would copy this machine, and with it, at the next change, its stack.
  func values(ofTuple index: Int, limit: Int) -> [PickleValue] {
    var values: [PickleValue] = []
    values.reserveCapacity(limit)
    for reference in graph.elements(ofTuple: index).prefix(limit) { values.append(value(reference)) }
    return values
  }

  /// Pushes a value.
  mutating func push(_ reference: PickleReference) throws(FormatError) {
    guard stack.count < PickleMachine.stackLimit else {
      throw error(.limit, "more than \(PickleMachine.stackLimit) objects on the stack")
    }
    stack.append(reference)
  }

  /// Pops the topmost value, which must be above the last MARK.
  mutating func pop() throws(FormatError) -> PickleReference {
    guard stack.count > floor, let reference = stack.popLast() else { throw underflow() }
    return reference
  }

  /// Opens a MARK.
  mutating func pushMark() throws(FormatError) {
    guard marks.count < PickleMachine.markLimit else {
      throw error(.limit, "more than \(PickleMachine.markLimit) open MARKs")
    }
    marks.append(UInt32(truncatingIfNeeded: stack.count))
  }

  /// Closes the last MARK; returns the stack's height there.
  mutating func popMark() throws(FormatError) -> Int {
    guard let mark = marks.popLast() else { throw error(.malformed, "an opcode needs a MARK, and none is open") }
    return Int(mark)
  }

  private func underflow() -> FormatError { error(.malformed, "an opcode needs more objects than are on the stack") }

  /// Replaces the topmost `count` values by a tuple of them.
  mutating func pushTuple(_ count: Int) throws(FormatError) {
    let start = stack.count - count
    guard start >= floor else { throw underflow() }
    try makeTuple(from: start)
  }

  /// Replaces the values from `start` on by a tuple of them.
  mutating func makeTuple(from start: Int) throws(FormatError) {
    try input.budget.charge(4 * (stack.count - start + 1))
    let tuple = graph.makeTuple(stack[start...])
    stack.removeSubrange(start...)
    try push(tuple)
  }

  /// Pushes a new dictionary.
  mutating func makeDictionary(_ kind: PickleDictionary.Kind) throws(FormatError) -> Int {
    try input.budget.charge(MemoryLayout<PickleDictionary>.stride)
    return graph.makeDictionary(kind)
  }

  /// Pushes a new list.
  mutating func pushList() throws(FormatError) {
    // Twice, because the array of lists grows by copying.
    try input.budget.charge(2 * MemoryLayout<[PickleReference]>.stride)
    graph.lists.append([])
    try push(.list(graph.lists.count - 1))
  }

  /// Moves the values from `start` on into the list below them.
  mutating func append(from start: Int) throws(FormatError) {
    guard start > floor, start <= stack.count else { throw underflow() }
    guard case .list(let index) = value(stack[start - 1]) else {
      throw error(.forbidden, "APPEND to an object that is not a list")
    }
    try chargeGrowth(of: graph.lists[index].count, by: stack.count - start)
    graph.lists[index].append(contentsOf: stack[start...])
    stack.removeSubrange(start...)
  }

  /// Moves the keys and values from `start` on into the dictionary below them.
  mutating func setItems(from start: Int) throws(FormatError) {
    guard start > floor, start <= stack.count else { throw underflow() }
    guard case .dictionary(let index) = value(stack[start - 1]) else {
      throw error(.forbidden, "SETITEM on an object that is not a dictionary")
    }
    guard (stack.count - start) % 2 == 0 else { throw error(.malformed, "a key without a value") }
    guard start == stack.count || !graph.dictionaries[index].mustStayEmpty else {
      throw error(.unsupported, "a tensor with backward hooks")
    }
    for position in stride(from: start, to: stack.count, by: 2) where !stack[position].isHashable {
      throw error(.malformed, "a dictionary key that Python cannot hash")
    }
    try chargeGrowth(of: graph.dictionaries[index].items.count, by: stack.count - start)
    graph.dictionaries[index].items.append(contentsOf: stack[start...])
    stack.removeSubrange(start...)
  }

  /// Pays for `added` references more in an array of `count`: arrays grow to twice their size, and are copied then.
  private mutating func chargeGrowth(of count: Int, by added: Int) throws(FormatError) {
    guard added > 0 else { return }
    try input.budget.charge(8 * added + (count == 0 ? MemoryBudget.allocation : 0))
  }

  /// Pays, in work and memory, for a copy of `count` references.
  mutating func chargeCopy(_ count: Int) throws(FormatError) {
    try charge(count)
    try input.budget.charge(MemoryBudget.allocation + 4 * count)
  }

  /// LONG1: a count, then little-endian two's complement.
  mutating func pushLong() throws(FormatError) {
    _ = try input.take(Int(try input.byte()))
    try push(.integer(at: offset))
  }

  /// A string of `count` bytes of UTF-8.
  mutating func pushString(_ count: Int) throws(FormatError) {
    let range = try input.take(count)
    do {
      _ = try UTF8Span(validating: input.bytes.span.extracting(range))
    } catch {
      throw self.error(.unsupported, "a string that is not valid UTF-8")
    }
    try push(.string(at: offset))
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
    let module = try input.line()
    let name = try input.line()
    switch PickleGlobal.named(input.bytes[module.lowerBound..<name.upperBound]) {
    case .allowed(let global): try push(.global(global))
    case .unsupported(let kind):
      throw error(.unsupported, "the global \(printable(module, name)) makes \(kind), which cannot be kept")
    case .forbidden: throw error(.forbidden, "the global \(printable(module, name)) is not allowed in weights")
    }
  }

  private func printable(_ module: Range<Int>, _ name: Range<Int>) -> String {
    let path =
      String(decoding: input.bytes[module], as: UTF8.self) + "." + String(decoding: input.bytes[name], as: UTF8.self)
    return path.unicodeScalars.allSatisfy { $0.value >= 0x20 } ? path : path.debugDescription
  }
}
