/// A stretch of a pickle that holds a string's UTF-8 or an integer's digits.
struct PickleText: Sendable, Hashable {
  /// Indices into the pickle's bytes.
  let range: Range<Int>

  init(_ range: Range<Int>) { self.range = range }

  var byteCount: Int { range.count }
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
  case bytes
  case bytearray
  case complex
  /// A `set` of the elements of a list; nil if it is empty.
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
}
