/// A stretch of a ``PickleArena`` that holds a text's UTF-8 or an integer's digits.
struct PickleText: Sendable, Hashable {
  /// Indices into the arena's records: the bytes that are kept.
  let range: Range<Int>
  /// Bytes of the whole text.
  var byteCount: Int
  /// Where the text stands in the file, if it stands there as it is.
  var fileOffset: Int?
  /// Characters of a long text that has none beyond U+00FF.
  var latin1Count: Int?

  init(_ range: Range<Int>) {
    self.range = range
    byteCount = range.count
  }

  /// Whether the arena has all of it.
  var isWhole: Bool { byteCount == range.count }
}

/// A Python object as a pickle describes it: what a ``PickleReference`` stands for. Whatever can hold other objects is a number
/// in a ``PickleGraph``, so that aliases and cycles cost nothing.
enum PickleValue: Sendable, Hashable {
  case none
  case boolean(Bool)
  case integer(Int)
  /// An integer that does not fit into 64 bits: little-endian two's complement.
  case wideInteger(PickleText)
  case float(Double)
  case string(PickleText)
  case bytes(PickleBytes)
  case bytearray(PickleBytes)
  /// Real and imaginary part.
  case complex(Double, Double)
  /// A `set` or `frozenset` of the elements of a list; nil if it is empty.
  case set(list: Int?)
  /// A `torch.Size`: index of a tuple.
  case size(Int)
  case device
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case storage(Int)
  case tensor(Int)
  case global(PickleGlobal)
  /// A numpy dtype: index in the graph's `numpyTypes`.
  case numpyType(Int)
  /// A numpy array: index in the graph's `arrays`.
  case array(Int)
  /// What an inert call made: index in the graph's `objects`.
  case object(Int)
  /// Something of a program, which is only named: index in the graph's `foreignNames`.
  case foreign(Int)
  /// An object that was not looked at, such as one of the many in a container.
  case unknown
}
