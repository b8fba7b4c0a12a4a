/// Describes what a pickle's calls would return, and what its states would do. Nothing is called. Calls and states are accepted in
/// exactly the shapes that picklers write.
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
    guard let made = try call(function, arguments, index, in: &heap) else { throw refusal(of: function, in: heap) }
    return made
  }

  /// - Parameter tuple: index of the tuple of arguments.
  /// - Returns: nil if no pickler writes such a call.
  private static func call(
    _ function: PickleGlobal, _ arguments: [PickleValue], _ tuple: Int, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference? {
    switch function {
    case .orderedDict: return try PythonCalls.orderedDict(arguments, in: &heap)
    case .counter: return try PythonCalls.counter(arguments, in: &heap)
    case .defaultDict: return try PythonCalls.defaultDict(arguments, in: &heap)
    case .set: return try PythonCalls.set(arguments, isFrozen: false, in: &heap)
    case .frozenSet: return try PythonCalls.set(arguments, isFrozen: true, in: &heap)
    case .bytes: return try PythonCalls.bytes(arguments, in: &heap)
    case .bytearray: return try PythonCalls.bytearray(arguments, in: &heap)
    case .encode: return try PythonCalls.encoded(arguments, in: &heap)
    case .complex: return try PythonCalls.complex(arguments, in: &heap)
    case .reconstructor: return try PythonCalls.object(arguments, in: &heap)
    case .inert(let global): return try PythonCalls.inert(global, arguments, tuple, in: &heap)
    case .numpyType: return try NumpyCalls.type(arguments, in: &heap)
    case .numpyReconstruct: return try NumpyCalls.emptyArray(arguments, in: &heap)
    case .numpyScalar: return try NumpyCalls.scalar(arguments, tuple, in: &heap)
    case .numpyFromBuffer: return try NumpyCalls.arrayOfBuffer(arguments, in: &heap)
    default: return try TorchCalls.call(function, arguments, tuple, in: &heap)
    }
  }

  /// The error about a call that no pickler writes.
  static func refusal(of function: PickleGlobal, in heap: borrowing PickleHeap) -> FormatError {
    heap.error(.forbidden, "a call of \(function.path) with arguments that no pickler writes")
  }

  // MARK: States

  /// Gives an object its state, as BUILD does.
  ///
  /// - Returns: the array that follows in the file, where joblib writes one, and no opcodes.
  static func setState(
    _ state: PickleReference, of object: PickleReference, in heap: inout PickleHeap
  ) throws(FormatError) -> JoblibArray? {
    switch heap.value(object) {
    case .dictionary(let target): try PythonCalls.setState(heap.value(state), ofDictionary: target, in: &heap)
    case .numpyType(let index): try NumpyCalls.setState(heap.value(state), ofType: index, in: &heap)
    case .array(let index): try NumpyCalls.setState(heap.value(state), ofArray: index, in: &heap)
    case .object(let index): return try setState(state, ofObject: index, in: &heap)
    case .foreign: try heap.checkForeign(object)
    default: throw heap.error(.forbidden, "BUILD on an object that takes no state")
    }
    return nil
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
      heap.graph.objects[index].state = .dictionary(
        try PythonCalls.copyOfAttributes(attributes, excluding: [], in: &heap))
      return global.path == JoblibArray.path ? try JoblibArray(attributes, in: heap) : nil
    case (.callThenState, .dictionary), (.callThenState, .tuple), (.callThenState, .object):
      try NumpyCalls.checkGeneratorState(heap.value(state), in: heap)
      heap.graph.objects[index].state = state
      return nil
    default: throw heap.error(.forbidden, "BUILD on \(global.path) with a state that no pickler writes")
    }
  }
}
