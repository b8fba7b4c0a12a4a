/// A rectangle of whole pixels.
package struct PixelBox: Sendable, Hashable, Codable {
  /// The first column.
  package var left: Int
  /// The first row.
  package var top: Int
  /// Columns.
  package var width: Int
  /// Rows.
  package var height: Int

  /// A box of any size.
  package init(left: Int, top: Int, width: Int, height: Int) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }

  /// The first column to the right of the box.
  package var right: Int { left + width }
  /// The first row below the box.
  package var bottom: Int { top + height }

  /// The smallest box that holds both.
  package func union(_ other: PixelBox) -> PixelBox {
    let (left, top) = (min(left, other.left), min(top, other.top))
    return PixelBox(
      left: left, top: top, width: max(right, other.right) - left, height: max(bottom, other.bottom) - top)
  }
}
