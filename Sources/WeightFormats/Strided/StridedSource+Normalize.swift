extension WeightFile.StridedSource {
  /// The same elements with as few axes as possible: axes of one element are left out, whatever their strides, and axes that
  /// continue each other become one.
  package var normalized: WeightFile.StridedSource {
    var result = self
    guard dimensions.count == strides.count, !dimensions.contains(0) else { return result }
    result.dimensions = []
    result.strides = []
    for (dimension, stride) in zip(dimensions, strides) where dimension != 1 {
      if let last = result.dimensions.indices.last {
        let (reach, overflow) = stride.multipliedReportingOverflow(by: dimension)
        let (merged, tooMany) = result.dimensions[last].multipliedReportingOverflow(by: dimension)
        if !overflow, !tooMany, result.strides[last] == reach {
          result.dimensions[last] = merged
          result.strides[last] = stride
          continue
        }
      }
      result.dimensions.append(dimension)
      result.strides.append(stride)
    }
    return result
  }
}
