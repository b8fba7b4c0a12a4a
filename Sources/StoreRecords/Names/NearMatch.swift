/// Finds what somebody may have meant by a mistyped name.
package enum NearMatch {
  /// `; did you mean "mamba"?` for a name close to one that exists, else what exists, else nothing.
  package static func hint(for text: String, among names: [String]) -> String {
    let near = names.map { ($0, distance(text, $0)) }.filter { $0.1 <= max(1, text.count / 3) }.min { $0.1 < $1.1 }
    let longer = names.filter { $0.hasPrefix(text) || $0.hasSuffix(text) }
    if near == nil, longer.count == 1 { return "; did you mean \"\(longer[0])\"?" }
    if let near { return "; did you mean \"\(near.0)\"?" }
    if names.isEmpty { return "" }
    return "; there is " + names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", ..." : "")
  }

  /// Levenshtein's distance over characters.
  private static func distance(_ a: String, _ b: String) -> Int {
    let right = Array(b)
    var row = Array(0...right.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in right.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[right.count]
  }
}
