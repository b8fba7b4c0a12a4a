/// A Python object as containers, stack and memo hold it: four bytes that say of what kind it is and where the rest stands.
///
/// Integers, floats, texts and bytes are records of a ``PickleArena``: the reference is the record's offset. Containers,
/// storages and tensors are numbers in a ``PickleGraph``. Packing them keeps the memory that a pickle can ask for small.
struct PickleReference: Sendable, Hashable {
  private enum Kind: UInt32 {
    case absent, none, no, yes, small, integer, float, string, bytes, bytearray, complex, set, size, device, tuple
    case unhashableTuple, list, dictionary, storage, tensor, global, numpyType, array, object, foreign, unknown
    case frozenSet
  }

  private static let payloadBitCount: UInt32 = 27
  private static let payloadMask: UInt32 = 1 << 27 - 1

  private let bits: UInt32

  /// Offsets and numbers are bounded by the budget of a pickle, which the payload's 27 bits hold.
  private init(_ kind: Kind, _ payload: Int = 0) {
    bits = kind.rawValue << Self.payloadBitCount | UInt32(truncatingIfNeeded: payload) & Self.payloadMask
  }

  /// No object: a place in the memo where nothing was put.
  static let absent = PickleReference(.absent)
  static let none = PickleReference(.none)
  static let device = PickleReference(.device)
  static let unknown = PickleReference(.unknown)

  static func boolean(_ value: Bool) -> PickleReference { PickleReference(value ? .yes : .no) }
  /// An integer from 0 to 65535.
  static func integer(_ value: UInt16) -> PickleReference { PickleReference(.small, Int(value)) }
  /// The integer whose record is at `offset`.
  static func integer(at offset: Int) -> PickleReference { PickleReference(.integer, offset) }
  /// The float whose record is at `offset`.
  static func float(at offset: Int) -> PickleReference { PickleReference(.float, offset) }
  /// The text whose record is at `offset`.
  static func string(at offset: Int) -> PickleReference { PickleReference(.string, offset) }
  static func bytes(at offset: Int) -> PickleReference { PickleReference(.bytes, offset) }
  static func bytearray(at offset: Int) -> PickleReference { PickleReference(.bytearray, offset) }
  /// A complex number whose two floats are one record after the other from `offset` on.
  static func complex(at offset: Int) -> PickleReference { PickleReference(.complex, offset) }
  static func tuple(_ index: Int, isHashable: Bool) -> PickleReference {
    PickleReference(isHashable ? .tuple : .unhashableTuple, index)
  }
  static func size(_ index: Int) -> PickleReference { PickleReference(.size, index) }
  static func list(_ index: Int) -> PickleReference { PickleReference(.list, index) }
  /// A set of the elements of list `list`, or an empty one.
  static func set(list: Int?) -> PickleReference { PickleReference(.set, list.map { $0 + 1 } ?? 0) }
  static func frozenSet(list: Int?) -> PickleReference { PickleReference(.frozenSet, list.map { $0 + 1 } ?? 0) }
  static func dictionary(_ index: Int) -> PickleReference { PickleReference(.dictionary, index) }
  static func storage(_ index: Int) -> PickleReference { PickleReference(.storage, index) }
  static func tensor(_ index: Int) -> PickleReference { PickleReference(.tensor, index) }
  static func global(_ global: PickleGlobal) -> PickleReference { .global(number: global.number) }
  /// The global of that index in ``PickleGlobal/numbered``.
  static func global(number: Int) -> PickleReference { PickleReference(.global, number) }
  static func numpyType(_ index: Int) -> PickleReference { PickleReference(.numpyType, index) }
  static func array(_ index: Int) -> PickleReference { PickleReference(.array, index) }
  static func object(_ index: Int) -> PickleReference { PickleReference(.object, index) }
  static func foreign(_ index: Int) -> PickleReference { PickleReference(.foreign, index) }

  private var kind: Kind { Kind(rawValue: bits >> Self.payloadBitCount) ?? .absent }
  private var payload: Int { Int(bits & Self.payloadMask) }

  /// Whether Python accepts the object as a key.
  var isHashable: Bool {
    switch kind {
    case .list, .dictionary, .set, .bytearray, .storage, .unhashableTuple, .array: false
    default: true
    }
  }

  /// The tuple, list or dictionary; nil for everything else.
  var container: PickleValue? {
    switch kind {
    case .tuple, .unhashableTuple: .tuple(payload)
    case .list: .list(payload)
    case .dictionary: .dictionary(payload)
    default: nil
    }
  }

  var isTensor: Bool { kind == .tensor }
  var isArray: Bool { kind == .array }
  /// Whether it is something of a program that is only named.
  var isForeign: Bool { kind == .foreign }

  /// Whether how it compares with a string or a number as a key is not known here: such as numpy's scalars.
  var isOpaqueKey: Bool {
    switch kind {
    case .object, .foreign, .unknown, .numpyType, .device: true
    default: false
    }
  }

  /// What the reference stands for.
  ///
  /// - Parameter arena: that of the pickle that the reference is from.
  func value(in arena: PickleArena) -> PickleValue {
    switch kind {
    case .absent, .none: .none
    case .no: .boolean(false)
    case .yes: .boolean(true)
    case .small: .integer(payload)
    case .integer: arena.integer(at: payload)
    case .float: .float(arena.float(at: payload))
    case .string: .string(arena.text(at: payload))
    case .bytes: .bytes(arena.bytes(at: payload))
    case .bytearray: .bytearray(arena.bytes(at: payload))
    case .complex: .complex(arena.float(at: payload), arena.float(at: payload + 8))
    case .set, .frozenSet: .set(list: payload == 0 ? nil : payload - 1)
    case .size: .size(payload)
    case .device: .device
    case .tuple, .unhashableTuple: .tuple(payload)
    case .list: .list(payload)
    case .dictionary: .dictionary(payload)
    case .storage: .storage(payload)
    case .tensor: .tensor(payload)
    case .global: .global(PickleGlobal.numbered[payload])
    case .numpyType: .numpyType(payload)
    case .array: .array(payload)
    case .object: .object(payload)
    case .foreign: .foreign(payload)
    case .unknown: .unknown
    }
  }
}
