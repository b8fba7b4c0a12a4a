/// A line of text as the reader takes it: ink 1 and paper 0, row by row.
package struct LineImage: Sendable, Hashable {
  /// Columns, at least 1.
  package let width: Int
  /// Rows, at least 1.
  package let height: Int
  /// (height, width).
  package let values: [Float]

  /// - Precondition: as many values as the size says.
  package init(width: Int, height: Int, values: [Float]) {
    precondition(width > 0 && height > 0 && values.count == width * height)
    self.width = width
    self.height = height
    self.values = values
  }

  /// A grey image, dark on bright, as it is.
  package init(_ image: RasterImage) {
    precondition(image.channels == 1)
    self.init(width: image.width, height: image.height, values: image.values.map { 1 - Float($0) / 255 })
  }
}
