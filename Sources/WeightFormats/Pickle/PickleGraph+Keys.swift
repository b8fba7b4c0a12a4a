/// Keys of dictionaries as Python compares them: 1, 1.0, True and complex(1) are one key.
extension PickleGraph {
  /// A key in a form that is the same for keys that Python takes for equal.
  private enum Key: Hashable {
    case none
    case integer(Int)
    /// An integer beyond 64 bits: its digits, as few as keep the sign.
    case wide([UInt8])
    /// A float that is no integer, by its bits.
    case float(UInt64)
    case complex(UInt64, UInt64)
    case text(Range<Int>)
  }

  /// The first key that occurs twice in a dictionary; nil if there is none. Tuples, and what only equals its like, are not
  /// compared.
  ///
  /// - Throws: `unsupported` for a key that is too long to be kept.
  func repeatedKey(_ budget: inout MemoryBudget) throws(FormatError) -> PickleValue? {
    for dictionary in dictionaries where dictionary.count > 1 {
      let cost = NumberTable.byteCount(dictionary.count)
      try budget.charge(cost)
      var table = NumberTable(capacity: min(dictionary.count, 1 << 16))
      for index in stride(from: 0, to: dictionary.items.count, by: 2) {
        let value = value(dictionary.items[index])
        if case .string(let text) = value, !text.isWhole {
          throw FormatError(.unsupported, "a dictionary has a key of \(text.byteCount) bytes")
        }
        guard let key = comparable(value) else { continue }
        let hash: UInt32
        if case .text(let range) = key {
          hash = NumberTable.hash(arena.records[range])
        } else {
          hash = UInt32(truncatingIfNeeded: key.hashValue)
        }
        let earlier = table.insert(index, hash) { other in
          switch (key, comparable(self.value(dictionary.items[other]))) {
          case (.text(let a), .text(let b)?): arena.records[a].elementsEqual(arena.records[b])
          case (let a, let b): a == b
          }
        }
        if earlier != nil { return value }
      }
      budget.release(cost)
    }
    return nil
  }

  private func comparable(_ value: PickleValue) -> Key? {
    switch value {
    case .none: PickleGraph.Key.none
    case .boolean(let value): .integer(value ? 1 : 0)
    case .integer(let value): .integer(value)
    case .wideInteger(let text): .wide(shortest(Array(arena.records[text.range])))
    case .float(let value): number(value)
    case .complex(let real, let imaginary):
      imaginary == 0 ? number(real) : .complex((real + 0).bitPattern, (imaginary + 0).bitPattern)
    case .string(let text): .text(text.range)
    default: nil
    }
  }

  /// A float as a key; nil for what equals nothing.
  private func number(_ value: Double) -> Key? {
    if value.isNaN { return nil }
    if let integer = Int(exactly: value) { return .integer(integer) }
    guard value.isFinite, value.rounded() == value else { return .float(value.bitPattern) }
    // Beyond 64 bits every float is an integer: its significand, shifted by whole bytes and bits.
    var magnitude = [UInt8](repeating: 0, count: 130)
    let shift = Int(value.exponent) - 52
    let bits = value.significandBitPattern | 1 << 52
    for bit in 0..<53 where bits >> UInt64(bit) & 1 == 1 {
      magnitude[(bit + shift) / 8] |= 1 << UInt8((bit + shift) % 8)
    }
    if value < 0 {
      var carry = true
      for index in magnitude.indices {
        magnitude[index] = ~magnitude[index]
        if carry {
          carry = magnitude[index] == 0xFF
          magnitude[index] &+= 1
        }
      }
    }
    return .wide(shortest(magnitude))
  }

  /// Two's complement without digits that say nothing.
  private func shortest(_ digits: [UInt8]) -> [UInt8] {
    var digits = digits
    while digits.count > 1, let last = digits.last,
      last == 0 && digits[digits.count - 2] < 0x80 || last == 0xFF && digits[digits.count - 2] >= 0x80
    { digits.removeLast() }
    return digits
  }
}
