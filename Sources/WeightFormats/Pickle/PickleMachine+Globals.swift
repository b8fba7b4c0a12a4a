extension PickleMachine {
  private static let nameLimit = 1024

  /// GLOBAL: two lines, module and name.
  mutating func pushGlobal() throws(FormatError) { try push(try globalInLines()) }

  /// The global that two lines name.
  mutating func globalInLines() throws(FormatError) -> PickleReference {
    try global(try name(), try name())
  }

  /// A line that is a name.
  private mutating func name() throws(FormatError) -> [UInt8] {
    let (line, isWhole) = try input.beginningOfLine(limit: Self.nameLimit)
    if isWhole { return line }
    // A text that begins like this is no pickle; a pickle is not from a pickler. What follows a zero byte need not matter.
    if purpose == .judgement, !saysWhatItIs, !line.contains(0) || !isIdentifier(line.prefix { $0 != 0 }) {
      throw broken("a global with a long name")
    }
    throw error(.limit, "a global whose name has more than \(Self.nameLimit) bytes")
  }

  /// STACK_GLOBAL: module and name are on the stack.
  mutating func pushStackGlobal() throws(FormatError) {
    let name = value(try pop())
    let module = value(try pop())
    guard case .string(let module) = module, case .string(let name) = name, module.isWhole, name.isWhole else {
      throw error(.forbidden, "a global whose name is not plain")
    }
    try push(try global(Array(arena.records[module.range]), Array(arena.records[name.range])))
  }

  /// What to do about a global that weights may not have, if it tells what somebody has saved.
  private static func advice(on path: String) -> String {
    path.hasPrefix("torch.nn.") ? ": it is a whole module; save what its state_dict() gives" : ""
  }

  private mutating func global(_ module: [UInt8], _ name: [UInt8]) throws(FormatError) -> PickleReference {
    if let number = PickleGlobal.number(ofPath: module + [UInt8(ascii: "\n")] + name) { return .global(number: number) }
    let path = printable(module, name)
    switch purpose {
    case .weights: throw error(.forbidden, "the global \(path) is not allowed in weights" + Self.advice(on: path))
    case .stateDict: return try foreign(path)
    case .judgement:
      if saysWhatItIs {
        throw error(.forbidden, "the global \(path) is not known for data, and may be a program")
      }
      // No module of Python has such a name, so that nothing can be imported. What follows a zero byte need not matter.
      guard isIdentifier(module.prefix { $0 != 0 }), isIdentifier(name.prefix { $0 != 0 }) else {
        throw broken("\(path) names nothing in Python")
      }
      return try foreign(path)
    }
  }

  /// Something of a program: a name, and nothing behind it.
  mutating func foreign(_ path: String) throws(FormatError) -> PickleReference {
    if let known = graph.foreignNames.firstIndex(of: path) { return .foreign(known) }
    guard graph.foreignNames.count < 256 else { return .foreign(0) }
    try input.budget.charge(MemoryBudget.allocation + path.utf8.count)
    graph.foreignNames.append(path)
    return .foreign(graph.foreignNames.count - 1)
  }

  /// Lets pass what a program's object is used for if the program is left out anyway.
  ///
  /// - Throws: `forbidden` otherwise.
  func checkForeign(_ reference: PickleReference) throws(FormatError) {
    guard case .foreign(let index) = value(reference) else {
      throw error(.forbidden, "a change of an object that is not known for data")
    }
    guard purpose == .stateDict else {
      throw error(.forbidden, "the global \(graph.foreignNames[index]) is used, and may be a program")
    }
  }

  /// Whether Python could import something of this name.
  private func isIdentifier(_ name: some Collection<UInt8>) -> Bool {
    guard let first = name.first, !(first >= 0x30 && first <= 0x39) else { return false }
    return name.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "."), 0x80...: true
      default: false
      }
    }
  }

  private func printable(_ module: [UInt8], _ name: [UInt8]) -> String {
    let path = String(decoding: module, as: UTF8.self) + "." + String(decoding: name, as: UTF8.self)
    return path.unicodeScalars.allSatisfy { $0.value >= 0x20 } ? path : path.debugDescription
  }
}
