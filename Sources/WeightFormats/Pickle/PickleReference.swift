/// A Python object as containers, stack and memo hold it: four bytes that say of what kind it is and where the rest stands.
///
/// Integers, floats and strings stay in the pickle: the reference is the offset of the opcode that pushed them. Containers,
/// storages and tensors are numbers in a ``PickleGraph``. Packing them keeps the memory that a pickle can ask for small.
struct PickleReference: Sendable, Hashable {
  private enum Kind: UInt32 {
    case absent, none, no, yes, small, integer, float, string, bytes, bytearray, complex, set, size, device, tuple
    case unhashableTuple, list, dictionary, storage, tensor, global
  }

  private static let payloadBitCount: UInt32 = 27
  private static let payloadMask: UInt32 = 1 << 27 - 1

  private let bits: UInt32

  /// Offsets and numbers are below the limit of a pickle's size, which the payload's 27 bits hold.
  private init(_ kind: Kind, _ payload: Int = 0) {
    bits = kind.rawValue << Self.payloadBitCount | UInt32(truncatingIfNeeded: payload) & Self.payloadMask
  }

  /// No object: a place in the memo where nothing was put.
  static let absent = PickleReference(.absent)
  static let none = PickleReference(.none)
  static let bytes = PickleReference(.bytes)
  static let bytearray = PickleReference(.bytearray)
  static let complex = PickleReference(.complex)
  static let device = PickleReference(.device)

  static func boolean(_ value: Bool) -> PickleReference { PickleReference(value ? .yes : .no) }
  /// An integer from 0 to 65535.
  static func integer(_ value: UInt16) -> PickleReference { PickleReference(.small, Int(value)) }
  /// The integer whose opcode BININT or LONG1 stands at `offset`.
  static func integer(at offset: Int) -> PickleReference { PickleReference(.integer, offset) }
  /// The float whose opcode stands at `offset`.
  static func float(at offset: Int) -> PickleReference { PickleReference(.float, offset) }
  /// The string whose opcode stands at `offset`.
  static func string(at offset: Int) -> PickleReference { PickleReference(.string, offset) }
  static func tuple(_ index: Int, isHashable: Bool) -> PickleReference {
    PickleReference(isHashable ? .tuple : .unhashableTuple, index)
  }
  static func size(_ index: Int) -> PickleReference { PickleReference(.size, index) }
  static func list(_ index: Int) -> PickleReference { PickleReference(.list, index) }
  /// A set of the elements of list `list`, or an empty one.
  static func set(list: Int?) -> PickleReference { PickleReference(.set, list.map { $0 + 1 } ?? 0) }
  static func dictionary(_ index: Int) -> PickleReference { PickleReference(.dictionary, index) }
  static func storage(_ index: Int) -> PickleReference { PickleReference(.storage, index) }
  static func tensor(_ index: Int) -> PickleReference { PickleReference(.tensor, index) }
  static func global(_ global: PickleGlobal) -> PickleReference { PickleReference(.global, global.number) }

  private var kind: Kind { Kind(rawValue: bits >> Self.payloadBitCount) ?? .absent }
  private var payload: Int { Int(bits & Self.payloadMask) }

  /// Whether Python accepts the object as a key.
  var isHashable: Bool {
    switch kind {
    case .list, .dictionary, .set, .bytearray, .storage, .unhashableTuple: false
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

  /// What the reference stands for.
  ///
  /// - Parameter bytes: the pickle that the reference is from, whose opcodes were checked when they were run.
  func value(in bytes: [UInt8]) -> PickleValue {
    switch kind {
    case .absent, .none: .none
    case .no: .boolean(false)
    case .yes: .boolean(true)
    case .small: .integer(payload)
    case .integer: Self.integer(at: payload, in: bytes)
    case .float:
      .float(Double(bitPattern: (1...8).reduce(0 as UInt64) { $0 << 8 | UInt64(bytes[payload + $1]) }))
    case .string: .string(Self.text(at: payload, in: bytes))
    case .bytes: .bytes
    case .bytearray: .bytearray
    case .complex: .complex
    case .set: .set(list: payload == 0 ? nil : payload - 1)
    case .size: .size(payload)
    case .device: .device
    case .tuple, .unhashableTuple: .tuple(payload)
    case .list: .list(payload)
    case .dictionary: .dictionary(payload)
    case .storage: .storage(payload)
    case .tensor: .tensor(payload)
    case .global: .global(PickleGlobal.numbered[payload])
    }
  }

  /// The text of BINUNICODE (32-bit length) or SHORT_BINSTRING (8-bit length).
  private static func text(at offset: Int, in bytes: [UInt8]) -> PickleText {
    guard bytes[offset] == PickleMachine.Opcode.binUnicode.rawValue else {
      return PickleText(offset + 2..<offset + 2 + Int(bytes[offset + 1]))
    }
    let count = (1...4).reversed().reduce(0) { $0 << 8 | Int(bytes[offset + $1]) }
    return PickleText(offset + 5..<offset + 5 + count)
  }

  /// The value of BININT (four bytes) or LONG1 (a count, then two's complement).
  private static func integer(at offset: Int, in bytes: [UInt8]) -> PickleValue {
    guard bytes[offset] == PickleMachine.Opcode.long1.rawValue else {
      let word = (1...4).reversed().reduce(0 as UInt32) { $0 << 8 | UInt32(bytes[offset + $1]) }
      return .integer(Int(Int32(bitPattern: word)))
    }
    let range = offset + 2..<offset + 2 + Int(bytes[offset + 1])
    let digits = bytes[range]
    let isNegative = digits.last.map { $0 >= 0x80 } ?? false
    var value: UInt64 = isNegative ? .max : 0
    for byte in digits.prefix(8).reversed() { value = value << 8 | UInt64(byte) }
    let integer = Int64(bitPattern: value)
    guard digits.dropFirst(8).allSatisfy({ $0 == (isNegative ? 0xFF : 0) }), (integer < 0) == isNegative else {
      return .wideInteger(PickleText(range))
    }
    return .integer(Int(integer))
  }
}
