/// Finds what somebody may have meant by a mistyped name.
package enum NearMatch {
  /// `; did you mean "mamba"?` for a name close to one that exists, else what exists, else nothing.
  package static func hint(for text: String, among names: [String]) -> String {
    let typed = text.lowercased()
    let limit = max(1, text.count / 3)
    let near = names.map { (name: $0, distance: distance(typed, $0.lowercased())) }.filter { $0.distance <= limit }
    // Of names that are equally close the one of the same length: a wrong or swapped letter is more frequent than a missing one.
    let best = near.min {
      ($0.distance, abs($0.name.count - text.count)) < ($1.distance, abs($1.name.count - text.count))
    }
    if let best { return "; did you mean \"\(best.name)\"?" }
    let longer = names.filter { $0.hasPrefix(text) || $0.hasSuffix(text) }
    if longer.count == 1 { return "; did you mean \"\(longer[0])\"?" }
    if names.isEmpty { return "" }
    return "; there is " + names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", ..." : "")
  }

  /// How many characters have to be inserted, removed, replaced or exchanged with their neighbour, each place once: the
  /// optimal string alignment distance (Damerau, Levenshtein).
  private static func distance(_ a: String, _ b: String) -> Int {
    let (left, right) = (Array(a), Array(b))
    var (beforeLast, last) = ([Int](), Array(0...right.count))
    for i in left.indices {
      var row = [i + 1]
      for j in right.indices {
        var best = min(row[j] + 1, last[j + 1] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { best = min(best, beforeLast[j - 1] + 1) }
        row.append(best)
      }
      (beforeLast, last) = (last, row)
    }
    return last[right.count]
  }
}
