/// Cuts text where no merge may reach across: the pattern of GPT-2,
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, matched again and again.
enum WordSplitter {
  private enum Kind {
    case letter, number, space, other
  }

  private static func kind(_ scalar: Unicode.Scalar) -> Kind {
    if scalar.isASCII {
      switch scalar {
      case "a"..."z", "A"..."Z": return .letter
      case "0"..."9": return .number
      case " ", "\t"..."\r": return .space
      default: return .other
      }
    }
    if scalar.properties.isWhitespace { return .space }
    return switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
    case .decimalNumber, .letterNumber, .otherNumber: .number
    default: .other
    }
  }

  private static let contractions = ["s", "t", "re", "ve", "m", "ll", "d"].map { Array($0.unicodeScalars) }

  /// The pieces, in order; together they are the text.
  static func words(of text: String) -> [Substring] {
    let scalars = text.unicodeScalars
    var words: [Substring] = []
    var start = scalars.startIndex
    while start < scalars.endIndex {
      let end = endOfWord(scalars, from: start)
      words.append(Substring(scalars[start..<end]))
      start = end
    }
    return words
  }

  private static func endOfWord(
    _ scalars: String.UnicodeScalarView, from start: String.Index
  ) -> String.Index {
    let second = scalars.index(after: start)
    if scalars[start] == "'" {
      for ending in contractions where scalars[second...].starts(with: ending) {
        return scalars.index(second, offsetBy: ending.count)
      }
    }
    // A single space goes with the word behind it.
    var first = start
    if scalars[start] == " ", second < scalars.endIndex, kind(scalars[second]) != .space { first = second }
    let kind = kind(scalars[first])
    var end = first
    var last = first
    while end < scalars.endIndex, self.kind(scalars[end]) == kind {
      last = end
      end = scalars.index(after: end)
    }
    // Of several spaces before a word, the last is the word's.
    if kind == .space, end < scalars.endIndex, last > start { return last }
    return end
  }
}
