extension String {
  /// At most 120 characters of it, in which nothing controls a terminal or begins a line.
  var printable: String {
    var result = ""
    for (index, scalar) in unicodeScalars.enumerated() {
      guard index < 120 else { return result + "..." }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
