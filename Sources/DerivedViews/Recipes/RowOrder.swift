/// Another order of a matrix's rows. They are counted as a box of three dimensions, of which two change places.
package struct RowOrder: Sendable, Hashable {
  package enum Swap: Sendable, Hashable {
    /// Row (b, a, c) is what was row (a, b, c).
    case firstTwo
    /// Row (a, c, b) is what was row (a, b, c).
    case lastTwo
  }

  /// Elements of a row.
  let width: Int
  private let box: (Int, Int, Int)
  private let swap: Swap

  /// - Parameter box: the dimensions as they are stored; their product is the number of rows.
  init(width: Int, box: (Int, Int, Int), swap: Swap) {
    self.width = max(1, width)
    self.box = (max(1, box.0), max(1, box.1), max(1, box.2))
    self.swap = swap
  }

  /// Which stored row comes at a place.
  func storedRow(at row: Int) -> Int {
    switch swap {
    case .firstTwo:
      let (b, rest) = row.quotientAndRemainder(dividingBy: box.0 * box.2)
      let (a, c) = rest.quotientAndRemainder(dividingBy: box.2)
      return (a * box.1 + b) * box.2 + c
    case .lastTwo:
      let (a, rest) = row.quotientAndRemainder(dividingBy: box.1 * box.2)
      let (c, b) = rest.quotientAndRemainder(dividingBy: box.1)
      return (a * box.1 + b) * box.2 + c
    }
  }

  package static func == (a: RowOrder, b: RowOrder) -> Bool {
    a.width == b.width && a.box == b.box && a.swap == b.swap
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(width)
    hasher.combine(swap)
    hasher.combine(box.0)
    hasher.combine(box.1)
    hasher.combine(box.2)
  }
}
