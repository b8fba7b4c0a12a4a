/// A parser accepted an input and described it wrongly.
struct FuzzFailure: Error, CustomStringConvertible {
  let description: String
}
