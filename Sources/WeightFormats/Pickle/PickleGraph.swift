/// The objects that a pickle describes, as an arena: objects refer to each other by number.
///
/// It may hold cycles, and a few objects can be reached in exponentially many ways, so whoever walks it remembers where it has
/// been, and never recurses.
struct PickleGraph: Sendable {
  /// What the pickle's texts and numbers are.
  var arena = PickleArena()
  var root = PickleReference.none
  /// Tuple 0 is the empty one.
  private(set) var tupleEnds: [UInt32] = [0]
  private(set) var tupleElements: [PickleReference] = []
  var lists: [[PickleReference]] = []
  var dictionaries: [PickleDictionary] = []
  var storages: [PickleStorage] = []
  var views: [PickleStorage.View] = []
  var tensors: [PickleTensor] = []
  var numpyTypes: [NumpyType] = []
  var arrays: [PickleArray] = []
  var objects: [PickleObject] = []
  /// Whether the pickle has only opcodes that `torch.load(weights_only=True)` knows.
  var isTorch = true
  /// What was named and is not known for data.
  var foreignNames: [String] = []

  /// Makes room for what a pickle of `byteCount` bytes can hold, so that nothing is ever copied to grow. This takes addresses;
  /// memory is taken as they are used, which the heap's budget bounds by `memory`.
  mutating func reserve(byteCount: Int, memory: Int) {
    func count(_ stride: Int) -> Int { min(byteCount, memory / stride) }
    arena.reserve(count(1))
    tupleEnds.reserveCapacity(count(4))
    tupleElements.reserveCapacity(count(4))
    dictionaries.reserveCapacity(count(MemoryLayout<PickleDictionary>.stride))
    storages.reserveCapacity(count(MemoryLayout<PickleStorage>.stride))
    tensors.reserveCapacity(count(MemoryLayout<PickleTensor>.stride))
  }

  /// What a reference stands for.
  func value(_ reference: PickleReference) -> PickleValue { reference.value(in: arena) }

  /// The text as a string.
  func string(_ text: PickleText) -> String { String(decoding: arena.records[text.range], as: UTF8.self) }

  /// Whether the text is `string`.
  func text(_ text: PickleText, equals string: String) -> Bool {
    text.isWhole && arena.records[text.range].elementsEqual(string.utf8)
  }

  /// The bytes of a text; none for anything else.
  func text(_ reference: PickleReference) -> ArraySlice<UInt8> {
    guard case .string(let text) = value(reference) else { return [] }
    return arena.records[text.range]
  }

  /// The bytes of a storage's key.
  func key(of storage: PickleStorage) -> ArraySlice<UInt8> {
    guard case .string(let text) = value(storage.key) else { return [] }
    return arena.records[text.range]
  }

  /// A storage's key as a string.
  func keyString(of storage: PickleStorage) -> String { String(decoding: key(of: storage), as: UTF8.self) }

  /// The part of its storage that a reference stands for; nil if it is the whole.
  func view(of storage: PickleStorage) -> PickleStorage.View? {
    storage.viewNumber == 0 ? nil : views[Int(storage.viewNumber) - 1]
  }

  /// The elements of a tuple.
  func elements(ofTuple index: Int) -> ArraySlice<PickleReference> {
    tupleElements[(index == 0 ? 0 : Int(tupleEnds[index - 1]))..<Int(tupleEnds[index])]
  }

  /// The integers of a tuple that holds nothing else (booleans are refused); nil otherwise.
  func integers(ofTuple index: Int) -> [Int]? {
    var integers: [Int] = []
    let elements = elements(ofTuple: index)
    integers.reserveCapacity(elements.count)
    for element in elements {
      guard case .integer(let integer) = value(element) else { return nil }
      integers.append(integer)
    }
    return integers
  }

  mutating func makeTuple(_ elements: ArraySlice<PickleReference>) -> PickleReference {
    if elements.isEmpty { return .tuple(0, isHashable: true) }
    tupleElements.append(contentsOf: elements)
    // At most one for each byte of the pickle.
    tupleEnds.append(UInt32(truncatingIfNeeded: tupleElements.count))
    return .tuple(tupleEnds.count - 1, isHashable: elements.allSatisfy(\.isHashable))
  }

  mutating func makeDictionary(_ kind: PickleDictionary.Kind) -> Int {
    dictionaries.append(PickleDictionary(kind))
    return dictionaries.count - 1
  }
}
