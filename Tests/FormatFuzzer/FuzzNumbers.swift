import TestSupport

/// Reproducible numbers for the inputs of the fuzzer.
struct FuzzNumbers: RandomNumberGenerator {
  private var numbers: SeededNumbers

  /// The generator of one input: the same seed, target and number always make the same input.
  init(seed: UInt64, target: String, number: UInt64) {
    let stream = target.utf8.reduce(seed ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    numbers = SeededNumbers(state: stream ^ number &* 0xD134_2543_DE82_EF95)
    _ = next()
  }

  mutating func next() -> UInt64 { numbers.next() }

  /// A number from 0 to `count` - 1; `count` is at least 1.
  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }

  /// One of the elements, of which there is at least one.
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
