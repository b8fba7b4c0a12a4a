/// The objects that a pickle describes, as an arena: objects refer to each other by index.
///
/// Its size is proportional to the pickle's. It may hold cycles, and a few objects can be reached in exponentially many ways,
/// so whoever walks it remembers where it has been, and never recurses.
struct PickleGraph: Sendable {
  /// The pickle itself, which texts point into.
  var bytes: [UInt8] = []
  var root: PickleValue = .none
  private(set) var tupleEnds: [Int] = []
  private(set) var tupleElements: [PickleValue] = []
  private(set) var unhashableTuples: Set<Int> = []
  var lists: [[PickleValue]] = []
  var dictionaries: [PickleDictionary] = []
  var storages: [PickleStorage] = []
  var tensors: [PickleTensor] = []

  /// The text as a string.
  func string(_ text: PickleText) -> String { String(decoding: bytes[text.range], as: UTF8.self) }

  /// Whether the text is `string`.
  func text(_ text: PickleText, equals string: String) -> Bool { bytes[text.range].elementsEqual(string.utf8) }

  /// The elements of a tuple.
  func elements(ofTuple index: Int) -> ArraySlice<PickleValue> {
    tupleElements[(index == 0 ? 0 : tupleEnds[index - 1])..<tupleEnds[index]]
  }

  /// The elements of a tuple or `torch.Size`; nil for other values.
  func tuple(_ value: PickleValue) -> ArraySlice<PickleValue>? {
    switch value {
    case .tuple(let index), .size(let index): elements(ofTuple: index)
    default: nil
    }
  }

  /// The integers of a tuple that holds nothing else (booleans are refused); nil otherwise.
  func integers(ofTuple index: Int) -> [Int]? {
    var integers: [Int] = []
    for value in elements(ofTuple: index) {
      guard case .integer(let integer) = value else { return nil }
      integers.append(integer)
    }
    return integers
  }

  mutating func makeTuple(_ elements: ArraySlice<PickleValue>) -> PickleValue {
    if !elements.allSatisfy(isHashable) { unhashableTuples.insert(tupleEnds.count) }
    tupleElements.append(contentsOf: elements)
    tupleEnds.append(tupleElements.count)
    return .tuple(tupleEnds.count - 1)
  }

  mutating func makeDictionary(_ kind: PickleDictionary.Kind) -> PickleValue {
    dictionaries.append(PickleDictionary(kind))
    return .dictionary(dictionaries.count - 1)
  }

  /// Whether Python accepts the value as a key.
  func isHashable(_ value: PickleValue) -> Bool {
    switch value {
    case .list, .dictionary, .set, .bytearray, .storage: false
    case .tuple(let index), .size(let index): !unhashableTuples.contains(index)
    default: true
    }
  }

  /// The first key that occurs twice in a dictionary, as Python compares keys; nil if there is none. Tuples and floats are not
  /// compared.
  func repeatedKey() -> PickleValue? {
    for dictionary in dictionaries where dictionary.count > 1 {
      var strings = Set<ArraySlice<UInt8>>()
      var others = Set<PickleValue>()
      for index in stride(from: 0, to: dictionary.items.count, by: 2) {
        let isNew =
          switch dictionary.items[index] {
          case .string(let text): strings.insert(bytes[text.range]).inserted
          case .boolean(let value): others.insert(.integer(value ? 1 : 0)).inserted
          case .integer, .none, .wideInteger, .bytes: others.insert(dictionary.items[index]).inserted
          default: true
          }
        if !isNew { return dictionary.items[index] }
      }
    }
    return nil
  }
}
