extension PickleMachine {
  /// Height below which the current opcode may not reach.
  var floor: Int { Int(marks.last ?? 0) }

  /// What a reference stands for.
  func value(_ reference: PickleReference) -> PickleValue { reference.value(in: arena) }

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

  /// POP: takes away a value, or the MARK if it is on top.
  mutating func popValueOrMark() throws(FormatError) {
    if stack.count > floor {
      stack.removeLast()
    } else {
      _ = try popMark()
    }
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
    guard let mark = marks.popLast() else { throw broken("an opcode needs a MARK, and none is open") }
    return Int(mark)
  }

  mutating func underflow() -> FormatError { broken("an opcode needs more objects than are on the stack") }

  /// Replaces the topmost `count` values by a tuple of them.
  mutating func pushTuple(_ count: Int) throws(FormatError) {
    let start = stack.count - count
    guard start >= floor else { throw underflow() }
    try makeTuple(from: start)
  }

  /// Replaces the values from `start` on by a tuple of them.
  mutating func makeTuple(from start: Int) throws(FormatError) {
    guard purpose != .judgement || stack.count - start <= PickleMachine.judgedElementLimit else {
      stack.removeSubrange(start...)
      return try push(.unknown)
    }
    try input.budget.charge(4 * (stack.count - start + 1))
    let tuple = graph.makeTuple(stack[start...])
    stack.removeSubrange(start...)
    try push(tuple)
  }

  /// A new dictionary.
  mutating func makeDictionary(_ kind: PickleDictionary.Kind) throws(FormatError) -> Int {
    try input.budget.charge(MemoryLayout<PickleDictionary>.stride)
    return graph.makeDictionary(kind)
  }

  /// DICT: replaces keys and values from `start` on by a dictionary of them.
  mutating func makeDictionary(from start: Int) throws(FormatError) {
    let index = try makeDictionary(.dict)
    try store(itemsFrom: start, in: index)
    try push(.dictionary(index))
  }

  /// A new list. What a judged pickle's lists hold is not kept, so that they are all one.
  mutating func newList() throws(FormatError) -> Int {
    if purpose == .judgement, !graph.lists.isEmpty { return 0 }
    // Twice, because the array of lists grows by copying.
    try input.budget.charge(2 * MemoryLayout<[PickleReference]>.stride)
    graph.lists.append([])
    return graph.lists.count - 1
  }

  /// Pushes a new list.
  mutating func pushList() throws(FormatError) { try push(.list(try newList())) }

  /// LIST: replaces the values from `start` on by a list of them.
  mutating func makeList(from start: Int) throws(FormatError) {
    let index = try newList()
    try store(valuesFrom: start, inList: index)
    try push(.list(index))
  }

  /// Pushes a new set.
  mutating func pushSet() throws(FormatError) { try push(.set(list: try newList())) }

  /// FROZENSET: replaces the values from `start` on by a frozen set of them.
  mutating func makeFrozenSet(from start: Int) throws(FormatError) {
    try checkHashable(from: start)
    let index = try newList()
    try store(valuesFrom: start, inList: index)
    try push(.frozenSet(list: index))
  }

  private func checkHashable(from start: Int) throws(FormatError) {
    guard stack[start...].allSatisfy(\.isHashable) else {
      throw error(.malformed, "a set element that cannot be hashed")
    }
  }

  /// Moves the values from `start` on into a list.
  private mutating func store(valuesFrom start: Int, inList index: Int) throws(FormatError) {
    if purpose != .judgement {
      try chargeGrowth(of: graph.lists[index].count, by: stack.count - start)
      graph.lists[index].append(contentsOf: stack[start...])
    }
    stack.removeSubrange(start...)
  }

  /// Moves the values from `start` on into the list below them.
  mutating func append(from start: Int) throws(FormatError) {
    guard start > floor, start <= stack.count else { throw underflow() }
    switch value(stack[start - 1]) {
    case .list(let index): try store(valuesFrom: start, inList: index)
    case .object(let index) where graph.objects[index].isSequence: stack.removeSubrange(start...)
    case .foreign: try foreignCall(from: start)
    default: throw error(.forbidden, "APPEND to an object that is not a list")
    }
  }

  /// ADDITEMS: moves the values from `start` on into the set below them.
  mutating func addItems(from start: Int) throws(FormatError) {
    guard start > floor, start <= stack.count else { throw underflow() }
    switch value(stack[start - 1]) {
    case .set(let list?):
      try checkHashable(from: start)
      try store(valuesFrom: start, inList: list)
    case .foreign: try foreignCall(from: start)
    default: throw error(.forbidden, "ADDITEMS to an object that is not a set")
    }
  }

  /// Moves the keys and values from `start` on into the dictionary below them.
  mutating func setItems(from start: Int) throws(FormatError) {
    guard start > floor, start <= stack.count else { throw underflow() }
    switch value(stack[start - 1]) {
    case .dictionary(let index): try store(itemsFrom: start, in: index)
    case .foreign: try foreignCall(from: start)
    default: throw error(.forbidden, "SETITEM on an object that is not a dictionary")
    }
  }

  /// What a program's object is given is left out. A judged pickle must not do so.
  private mutating func foreignCall(from start: Int) throws(FormatError) {
    try checkForeign(stack[start - 1])
    stack.removeSubrange(start...)
  }

  private mutating func store(itemsFrom start: Int, in index: Int) throws(FormatError) {
    guard (stack.count - start) % 2 == 0 else { throw error(.malformed, "a key without a value") }
    guard start == stack.count || !graph.dictionaries[index].mustStayEmpty else {
      throw error(.unsupported, "a tensor with backward hooks")
    }
    for position in stride(from: start, to: stack.count, by: 2) where !stack[position].isHashable {
      throw error(.malformed, "a dictionary key that Python cannot hash")
    }
    let count = graph.dictionaries[index].items.count
    if purpose == .judgement, count + stack.count - start > 2 * PickleMachine.judgedElementLimit {
      graph.dictionaries[index].isCut = true
    } else {
      try chargeGrowth(of: count, by: stack.count - start)
      graph.dictionaries[index].items.append(contentsOf: stack[start...])
    }
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
}
