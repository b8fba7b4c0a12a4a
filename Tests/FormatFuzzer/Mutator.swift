import TestSupport

/// Changes bytes as somebody would who knows the format: at random, with its own words, and with numbers at the limits.
struct Mutator {
  /// Words of the format.
  let words: [[UInt8]]
  /// Other inputs, pieces of which are put in.
  let others: [[UInt8]]

  private static let limits: [UInt64] = [
    0, 1, 2, 7, 8, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1 << 24, 1 << 31 - 1, 1 << 31, 1 << 32 - 1,
    1 << 32, 1 << 62, 1 << 63 - 1, 1 << 63, .max,
  ]

  /// Applies one to five changes.
  func mutate(_ input: [UInt8], with numbers: inout FuzzNumbers) -> [UInt8] {
    var bytes = input
    for _ in 0...numbers.below(5) { change(&bytes, with: &numbers) }
    return bytes
  }

  private func change(_ bytes: inout [UInt8], with numbers: inout FuzzNumbers) {
    guard !bytes.isEmpty else {
      bytes = numbers.pick(words)
      return
    }
    let position = numbers.below(bytes.count)
    switch numbers.below(11) {
    case 0: bytes[position] = UInt8(numbers.below(256))
    case 1: bytes[position] ^= 1 << UInt8(numbers.below(8))
    case 2: bytes[position] &+= numbers.pick([1, 255, 4, 128, 16])
    case 3: bytes.insert(contentsOf: numbers.pick(words), at: position)
    case 4: overwrite(&bytes, at: position, with: numbers.pick(words))
    case 5: bytes.removeSubrange(position..<min(position + 1 + numbers.below(16), bytes.count))
    case 6:
      let end = min(position + 1 + numbers.below(60), bytes.count)
      bytes.insert(contentsOf: Array(bytes[position..<end]), at: numbers.below(bytes.count))
    case 7:
      let limit = numbers.pick(Self.limits)
      let width = numbers.pick([1, 2, 4, 8])
      overwrite(&bytes, at: position, with: Array(little(limit).prefix(width)))
    case 8:
      let other = numbers.pick(others)
      guard !other.isEmpty else { return }
      let start = numbers.below(other.count)
      let end = min(start + 1 + numbers.below(80), other.count)
      bytes.insert(contentsOf: other[start..<end], at: position)
    case 9: bytes.insert(contentsOf: String(numbers.pick(Self.limits)).utf8, at: position)
    default:
      if numbers.below(8) == 0 {
        bytes.removeSubrange(position...)
      } else {
        bytes.swapAt(position, numbers.below(bytes.count))
      }
    }
  }

  private func overwrite(_ bytes: inout [UInt8], at position: Int, with word: [UInt8]) {
    let end = min(position + word.count, bytes.count)
    bytes.replaceSubrange(position..<end, with: word.prefix(end - position))
  }
}
