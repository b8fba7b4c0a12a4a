import TantraRuntime

/// Reproducible numbers for tests: the generator of seeded weights, as Swift's `using:` wants it.
package struct SeededNumbers: RandomNumberGenerator, Sendable {
  private var source: SplitMix64

  package init(state: UInt64) { source = SplitMix64(state: state) }

  package mutating func next() -> UInt64 { source.next() }
}
