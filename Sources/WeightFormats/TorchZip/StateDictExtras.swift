/// The lines that say what a file carries beside its state dict. There are at most a thousand; the rest is counted.
struct StateDictExtras {
  static let lineLimit = 1000

  private var listed: [String] = []
  private var unlistedCount = 0

  /// Whether there is nothing to say.
  var isEmpty: Bool { listed.isEmpty }

  /// The lines, in order.
  var lines: [String] { unlistedCount == 0 ? listed : listed + ["... and \(unlistedCount) more"] }

  /// Whether further lines are only counted, so that making them up is wasted.
  var isFull: Bool { listed.count == StateDictExtras.lineLimit }

  /// Adds `name: description`.
  mutating func add(_ name: String, _ description: String) {
    guard !isFull else {
      unlistedCount += 1
      return
    }
    listed.append(StateDictExtras.printable(name) + ": " + description)
  }

  /// At most 120 characters of `text`, in which nothing controls a terminal or begins a line.
  static func printable(_ text: String) -> String {
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
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
