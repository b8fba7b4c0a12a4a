import Tensors

/// A stretch of a pickle that holds a string's UTF-8 or an integer's digits.
struct PickleText: Sendable, Hashable {
  var offset: UInt32
  var byteCount: UInt32

  init(_ range: Range<Int>) {
    // Pickles of more than 256 MiB are refused, so this never clamps.
    offset = UInt32(clamping: range.lowerBound)
    byteCount = UInt32(clamping: range.count)
  }

  /// Indices into the pickle's bytes.
  var range: Range<Int> { Int(offset)..<Int(offset) + Int(byteCount) }
}

/// A Python object as a pickle describes it. Whatever can hold other objects is an index into a ``PickleGraph``, so that
/// values are small, and aliases and cycles cost nothing.
enum PickleValue: Sendable, Hashable {
  case none
  case boolean(Bool)
  case integer(Int)
  /// An integer that does not fit into 64 bits: little-endian two's complement.
  case wideInteger(PickleText)
  case float(Double)
  case string(PickleText)
  /// `bytes`, as the Latin-1 characters of a string.
  case bytes(PickleText)
  case bytearray
  case complex
  /// A `set` of that many elements, which nobody asks for.
  case set(count: Int)
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

/// A dict, an OrderedDict or a Counter.
struct PickleDictionary: Sendable {
  enum Kind: String, Sendable {
    case dict
    case orderedDict = "OrderedDict"
    case counter = "Counter"
  }
  var kind: Kind
  /// Key, value, key, value, ...
  var items: [PickleValue] = []
  /// Index of the dictionary that BUILD set as attributes.
  var attributes: Int?

  init(_ kind: Kind) { self.kind = kind }

  var count: Int { items.count / 2 }
}

/// A reference to a storage: what torch's pickler writes as persistent id.
struct PickleStorage: Sendable, Hashable {
  /// A part of a storage that old versions of torch knew as a storage of its own.
  struct View: Sendable, Hashable {
    /// In elements of the whole storage.
    var offset: Int
    var elementCount: Int
  }

  var key: PickleText
  /// nil: `UntypedStorage`, whose elements are bytes.
  var dtype: DType?
  /// Of the whole storage.
  var elementCount: Int
  var view: View?
  /// Whether the location is `cpu`.
  var isOnCPU: Bool

  /// Bytes of an element.
  var elementByteCount: Int { dtype?.byteWidth ?? 1 }
}

/// A tensor: a call of one of torch's rebuilding functions.
struct PickleTensor: Sendable {
  var dtype: DType
  /// Index of a storage of the graph.
  var storage: Int
  /// In elements; never negative.
  var offset: Int
  /// Index of a tuple of at most 64 integers, none negative.
  var shape: Int
  /// Index of a tuple of as many integers, none negative; in elements.
  var strides: Int
  var requiresGrad: Bool
  var isParameter = false
  /// Python attributes of the tensor object, if it has any.
  var attributes: PickleValue = .none
}
