import Tensors

/// A dict, an OrderedDict or a Counter.
struct PickleDictionary: Sendable {
  enum Kind: String, Sendable {
    case dict
    case orderedDict = "OrderedDict"
    case counter = "Counter"
  }
  /// Key, value, key, value, ...
  var items: [PickleReference] = []
  /// The number of `attributes` plus one, 0 for none.
  private var attributesNumber: UInt32 = 0
  let kind: Kind
  /// Whether it stands for the backward hooks of a tensor, of which there must be none.
  var mustStayEmpty = false

  init(_ kind: Kind) { self.kind = kind }

  var count: Int { items.count / 2 }

  /// Index of the dictionary that BUILD set as attributes.
  var attributes: Int? {
    get { attributesNumber == 0 ? nil : Int(attributesNumber) - 1 }
    set { attributesNumber = newValue.map { UInt32(truncatingIfNeeded: $0 + 1) } ?? 0 }
  }
}

/// A reference to a storage: what torch's pickler writes as persistent id.
struct PickleStorage: Sendable {
  /// A part of a storage that old versions of torch knew as a storage of its own.
  struct View: Sendable {
    /// In elements of the whole storage.
    var offset: Int
    var elementCount: Int
  }

  /// Of the whole storage.
  var elementCount: Int
  /// A string of at most 256 bytes, all of them ASCII.
  var key: PickleReference
  /// The number of a view of the graph plus one, 0 for none.
  var viewNumber: UInt32 = 0
  /// nil: `UntypedStorage`, whose elements are bytes.
  var dtype: DType?
  /// Whether the location is `cpu`.
  var isOnCPU: Bool

  /// Bytes of an element.
  var elementByteCount: Int { dtype?.byteWidth ?? 1 }
}

/// A tensor: a call of one of torch's rebuilding functions.
struct PickleTensor: Sendable {
  /// In elements; never negative.
  var offset: Int
  private var storageIndex: UInt32
  private var shapeIndex: UInt32
  private var stridesIndex: UInt32
  /// Python attributes of the tensor object: a dictionary, or none.
  var attributes = PickleReference.none
  var dtype: DType
  var requiresGrad: Bool
  var isParameter = false

  /// Indices are those of a graph, which 27 bits hold.
  init(dtype: DType, storage: Int, offset: Int, shape: Int, strides: Int, requiresGrad: Bool) {
    self.dtype = dtype
    storageIndex = UInt32(truncatingIfNeeded: storage)
    self.offset = offset
    shapeIndex = UInt32(truncatingIfNeeded: shape)
    stridesIndex = UInt32(truncatingIfNeeded: strides)
    self.requiresGrad = requiresGrad
  }

  /// Index of a storage of the graph.
  var storage: Int { Int(storageIndex) }
  /// Index of a tuple of at most 64 integers, none negative.
  var shape: Int { Int(shapeIndex) }
  /// Index of a tuple of as many integers, none negative; in elements.
  var strides: Int { Int(stridesIndex) }
}
