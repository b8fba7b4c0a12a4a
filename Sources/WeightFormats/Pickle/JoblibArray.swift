/// An array as joblib writes it: an object that describes it, behind which the array's bytes stand, in the middle of the pickle.
///
/// Source: joblib/numpy_pickle.py, `NumpyArrayWrapper`.
struct JoblibArray {
  static let path = "joblib.numpy_pickle.NumpyArrayWrapper"
  private static let known: Set<String> = [
    "subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes",
  ]

  /// Index of the type of its elements, and of the tuple that is its shape.
  private let type: Int
  private let shape: Int
  /// Whether padding comes first, and before it a byte that says how much.
  let isPadded: Bool

  /// - Parameter attributes: the dictionary that the object has.
  init(_ attributes: Int, in heap: borrowing PickleHeap) throws(FormatError) {
    var fields: [String: PickleValue] = [:]
    let items = heap.graph.dictionaries[attributes].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let text) = heap.value(items[position]), Self.known.contains(heap.graph.string(text)) else {
        throw heap.error(.forbidden, "an array of joblib with something else")
      }
      fields[heap.graph.string(text)] = heap.value(items[position + 1])
    }
    guard case .numpyType(let type)? = fields["dtype"], fields["subclass"] == .global(.numpyArrayClass),
      let lengths = fields["shape"], let shape = try heap.dimensions(lengths)
    else { throw heap.error(.forbidden, "an array of joblib that is not known for data") }
    self.type = type
    self.shape = shape
    isPadded = fields["numpy_array_alignment_bytes"].map { $0 != PickleValue.none } ?? false
  }

  func byteCount(in heap: borrowing PickleHeap) throws(FormatError) -> Int {
    try NumpyCalls.byteCount(ofType: type, shape: shape, in: heap)
  }
}
