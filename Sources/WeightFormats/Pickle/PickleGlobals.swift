/// Looks up what a pickle names: a global is a word here, and is not imported.
enum PickleGlobals {
  private static let nameLimit = 1024

  /// The global that two lines name: module and name.
  static func global(
    linesOf input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    let module = try name(from: &input, in: &heap)
    return try global(module, try name(from: &input, in: &heap), in: &heap)
  }

  /// The global that two texts name.
  static func global(
    _ module: PickleReference, _ name: PickleReference, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard case .string(let module) = heap.value(module), case .string(let name) = heap.value(name), module.isWhole,
      name.isWhole
    else { throw heap.error(.forbidden, "a global whose name is not plain") }
    let moduleBytes = Array(heap.graph.arena.records[module.range])
    return try global(moduleBytes, Array(heap.graph.arena.records[name.range]), in: &heap)
  }

  /// A line that is a name.
  private static func name(
    from input: inout PickleInput, in heap: inout PickleHeap
  ) throws(FormatError) -> [UInt8] {
    let (line, isWhole) = try input.beginningOfLine(limit: nameLimit)
    if isWhole { return line }
    // A text that begins like this is no pickle; a pickle is not from a pickler. What follows a zero byte need not matter.
    if heap.purpose == .judgement, !heap.isMarked, !line.contains(0) || !isIdentifier(line.prefix { $0 != 0 }) {
      throw heap.broken("a global with a long name")
    }
    throw heap.error(.limit, "a global whose name has more than \(nameLimit) bytes")
  }

  /// What to do about a global that weights may not have, if it tells what somebody has saved.
  private static func advice(on path: String) -> String {
    path.hasPrefix("torch.nn.") ? ": it is a whole module; save what its state_dict() gives" : ""
  }

  private static func global(
    _ module: [UInt8], _ name: [UInt8], in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    if let number = PickleGlobal.number(ofPath: module + [UInt8(ascii: "\n")] + name) { return .global(number: number) }
    let path = printable(module, name)
    switch heap.purpose {
    case .weights: throw heap.error(.forbidden, "the global \(path) is not allowed in weights" + advice(on: path))
    case .stateDict: return try heap.makeForeign(path)
    case .judgement:
      if heap.isMarked {
        throw heap.error(.forbidden, "the global \(path) is not known for data, and may be a program")
      }
      // No module of Python has such a name, so that nothing can be imported. What follows a zero byte need not matter.
      guard isIdentifier(module.prefix { $0 != 0 }), isIdentifier(name.prefix { $0 != 0 }) else {
        throw heap.broken("\(path) names nothing in Python")
      }
      return try heap.makeForeign(path)
    }
  }

  /// Whether Python could import something of this name.
  private static func isIdentifier(_ name: some Collection<UInt8>) -> Bool {
    guard let first = name.first, !(first >= 0x30 && first <= 0x39) else { return false }
    return name.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "."), 0x80...: true
      default: false
      }
    }
  }

  private static func printable(_ module: [UInt8], _ name: [UInt8]) -> String {
    let path = String(decoding: module, as: UTF8.self) + "." + String(decoding: name, as: UTF8.self)
    return path.unicodeScalars.allSatisfy { $0.value >= 0x20 } ? path : path.debugDescription
  }
}
