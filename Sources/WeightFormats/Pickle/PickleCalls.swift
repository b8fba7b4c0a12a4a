/// What the calls and states of a pickle come to. Nothing is called: what is accepted has exactly the shape that picklers write,
/// and makes a description.
enum PickleCalls {
  /// No function takes more than so many; a long tuple that is called often must not be copied each time.
  static let argumentLimit = 9

  // MARK: Calls

  /// What a call would return.
  static func call(
    _ callee: PickleReference, with argument: PickleReference, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard case .global(let function) = heap.value(callee) else {
      if callee.isForeign {
        try heap.checkForeign(callee)
        return callee
      }
      throw heap.error(.forbidden, "REDUCE calls an object that is not an allowed global")
    }
    guard case .tuple(let index) = heap.value(argument) else {
      throw heap.error(.forbidden, "REDUCE without a tuple of arguments")
    }
    let arguments = heap.values(ofTuple: index, limit: argumentLimit)
    guard let made = try call(function, arguments, index, in: &heap) else { throw oddCall(of: function, in: heap) }
    return made
  }

  /// - Parameter tuple: the arguments once more.
  /// - Returns: nil if nothing writes such a call.
  private static func call(
    _ function: PickleGlobal, _ arguments: [PickleValue], _ tuple: Int, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference? {
    switch function {
    case .orderedDict: return try PythonCalls.orderedDict(arguments, in: &heap)
    case .counter: return try PythonCalls.counter(arguments, in: &heap)
    case .defaultDict: return try PythonCalls.defaultDict(arguments, in: &heap)
    case .set: return try PythonCalls.set(arguments, isFrozen: false, in: &heap)
    case .frozenSet: return try PythonCalls.set(arguments, isFrozen: true, in: &heap)
    case .bytes:
      guard arguments.isEmpty else { return nil }
      return try heap.add(PickleBytes(count: 0, fileByteCount: 0, isLatin1Text: false), isArray: false)
    case .bytearray: return try PythonCalls.bytearray(arguments, in: &heap)
    case .encode:
      guard arguments.count == 2, heap.isString(arguments[1], "latin1") else { return nil }
      return try PythonCalls.encoded(arguments[0], in: &heap)
    case .complex:
      guard arguments.count == 2, case .float(let real) = arguments[0], case .float(let imaginary) = arguments[1]
      else { return nil }
      return try PythonCalls.complex(real, imaginary, in: &heap)
    case .reconstructor: return try PythonCalls.reconstructed(arguments, in: &heap)
    case .inert(let global): return try PythonCalls.inert(global, arguments, tuple, in: &heap)
    case .numpyType: return try NumpyCalls.type(arguments, in: &heap)
    case .numpyReconstruct: return try NumpyCalls.reconstructed(arguments, in: &heap)
    case .numpyScalar: return try NumpyCalls.scalar(arguments, tuple, in: &heap)
    case .numpyFromBuffer: return try NumpyCalls.arrayOfBuffer(arguments, in: &heap)
    default: return try TorchCalls.call(function, arguments, tuple, in: &heap)
    }
  }

  /// An error about a call that nothing writes.
  static func oddCall(of function: PickleGlobal, in heap: borrowing PickleHeap) -> FormatError {
    heap.error(.forbidden, "a call of \(function.path) with arguments that no pickler writes")
  }

  // MARK: States

  /// Names of `collections.OrderedDict` itself, which an attribute would hide.
  private static let dictionaryMethods: Set<String> = [
    "clear", "copy", "fromkeys", "get", "items", "keys", "move_to_end", "pop", "popitem", "setdefault", "update",
    "values",
  ]

  /// Gives an object its state, as BUILD does.
  ///
  /// - Returns: the array that follows in the file, where joblib writes one, and no opcodes.
  static func setState(
    _ state: PickleReference, of object: PickleReference, in heap: inout PickleHeap
  ) throws(FormatError) -> JoblibArray? {
    switch heap.value(object) {
    case .dictionary(let target): try setState(heap.value(state), ofDictionary: target, in: &heap)
    case .numpyType(let index): try NumpyCalls.setState(heap.value(state), ofType: index, in: &heap)
    case .array(let index): try NumpyCalls.setState(heap.value(state), ofArray: index, in: &heap)
    case .object(let index): return try setState(state, ofObject: index, in: &heap)
    case .foreign: try heap.checkForeign(object)
    default: throw heap.error(.forbidden, "BUILD on an object that takes no state")
    }
    return nil
  }

  /// Attributes of a dictionary, which is how torch keeps `_metadata`.
  private static func setState(
    _ state: PickleValue, ofDictionary target: Int, in heap: inout PickleHeap
  ) throws(FormatError) {
    switch heap.graph.dictionaries[target].kind {
    case .orderedDict, .named: break
    default: throw heap.error(.forbidden, "BUILD on a dictionary that is not an OrderedDict")
    }
    guard case .dictionary(let attributes) = state else {
      throw heap.error(.forbidden, "BUILD with a state that is not a dict")
    }
    guard heap.graph.dictionaries[target].attributes == nil else {
      throw heap.error(.malformed, "a second BUILD on one OrderedDict")
    }
    heap.graph.dictionaries[target].attributes = try PythonCalls.attributes(
      attributes, excluding: dictionaryMethods, in: &heap)
  }

  private static func setState(
    _ state: PickleReference, ofObject index: Int, in heap: inout PickleHeap
  ) throws(FormatError) -> JoblibArray? {
    guard case .inert(let global) = heap.graph.objects[index].global else {
      throw heap.error(.forbidden, "BUILD on an object that takes no state")
    }
    switch (global.rule, heap.value(state)) {
    case (.object, .dictionary(let attributes)):
      // An attribute could stand in for the method that takes the next state.
      guard heap.graph.objects[index].state == .none else {
        throw heap.error(.forbidden, "a second BUILD on one object")
      }
      heap.graph.objects[index].state = .dictionary(try PythonCalls.attributes(attributes, excluding: [], in: &heap))
      return global.path == JoblibArray.path ? try JoblibArray(attributes, in: heap) : nil
    case (.callThenState, .dictionary), (.callThenState, .tuple), (.callThenState, .object):
      try NumpyCalls.checkGeneratorState(heap.value(state), in: heap)
      heap.graph.objects[index].state = state
      return nil
    default: throw heap.error(.forbidden, "BUILD on \(global.path) with a state that no pickler writes")
    }
  }
}
