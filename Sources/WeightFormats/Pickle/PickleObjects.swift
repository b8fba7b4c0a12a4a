import Tensors

/// A dict, or one of its kinds.
struct PickleDictionary: Sendable {
  enum Kind: Sendable, Hashable {
    case dict, orderedDict, counter, defaultDict
    /// A class on the list of inert ones: its number in `PickleGlobal.numbered`.
    case named(Int)

    /// What Python calls it.
    var name: String {
      switch self {
      case .dict: "dict"
      case .orderedDict: "OrderedDict"
      case .counter: "Counter"
      case .defaultDict: "defaultdict"
      case .named(let number): PickleGlobal.numbered[number].path
      }
    }
  }
  /// Key, value, key, value, ...
  var items: [PickleReference] = []
  /// The number of `attributes` plus one, 0 for none.
  private var attributesNumber: UInt32 = 0
  private var kindNumber: UInt16
  /// Whether it stands for the backward hooks of a tensor, of which there must be none.
  var mustStayEmpty = false
  /// Whether there was more than is kept.
  var isCut = false

  init(_ kind: Kind) {
    switch kind {
    case .dict: kindNumber = 0
    case .orderedDict: kindNumber = 1
    case .counter: kindNumber = 2
    case .defaultDict: kindNumber = 3
    case .named(let number): kindNumber = UInt16(truncatingIfNeeded: number + 4)
    }
  }

  var kind: Kind {
    switch kindNumber {
    case 0: .dict
    case 1: .orderedDict
    case 2: .counter
    case 3: .defaultDict
    default: .named(Int(kindNumber) - 4)
    }
  }

  var count: Int { items.count / 2 }
  var isEmpty: Bool { items.isEmpty && !isCut }

  /// Index of the dictionary that BUILD set as attributes.
  var attributes: Int? {
    get { attributesNumber == 0 ? nil : Int(attributesNumber) - 1 }
    set { attributesNumber = newValue.map { UInt32(truncatingIfNeeded: $0 + 1) } ?? 0 }
  }
}

/// What a call of an inert function or class made.
struct PickleObject: Sendable {
  private var globalNumber: UInt16
  private var argumentsIndex: UInt32
  /// What BUILD gave it.
  var state = PickleReference.none
  /// What kind of tensor it is, if it is one that has no plain storage.
  var oddTensor: String?

  init(global: PickleGlobal, arguments: Int) {
    globalNumber = UInt16(truncatingIfNeeded: global.number)
    argumentsIndex = UInt32(truncatingIfNeeded: arguments)
  }

  var global: PickleGlobal { PickleGlobal.numbered[Int(globalNumber)] }
  /// Index of a tuple.
  var arguments: Int { Int(argumentsIndex) }

  /// Whether it is a list of another name.
  var isSequence: Bool {
    if case .inert(let global) = global { global.rule == .sequence } else { false }
  }
}

/// A numpy array. One that got no state yet is empty.
struct PickleArray: Sendable {
  /// Index in the graph's `numpyTypes`; nil without a state.
  var type: Int?
  /// Index of a tuple of integers, none negative.
  var shape = 0
  /// Whether the first axis is the one whose elements are next to each other.
  var isFortran = false
  var bytes = PickleBytes(count: 0, fileByteCount: 0, isLatin1Text: false)
}

/// A reference to a storage: what torch's pickler writes as persistent id.
struct PickleStorage: Sendable {
  /// A part of a storage that old versions of torch knew as a storage of its own.
  struct View: Sendable {
    /// In elements of the whole storage.
    var offset: Int
    var elementCount: Int
    /// What torch knows the part by.
    var key: PickleReference
  }

  /// Of the whole storage.
  var elementCount: Int
  /// A string of at most 256 bytes, all of them ASCII.
  var key: PickleReference
  /// The number of a view of the graph plus one, 0 for none.
  var viewNumber: UInt32 = 0
  /// nil: `UntypedStorage`, whose elements are bytes, or a quantized one.
  var dtype: DType?
  /// Whether the location is `cpu`.
  var isOnCPU: Bool
  /// Bytes of a quantized number; 0 for other storages.
  var quantizedWidth: UInt8 = 0

  var isQuantized: Bool { quantizedWidth > 0 }

  /// Bytes of an element.
  var elementByteCount: Int { isQuantized ? Int(quantizedWidth) : dtype?.byteWidth ?? 1 }
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
