/// The names of an archive's records, in the central directory's own bytes.
struct ZipNames: Sendable {
  /// Where a name stands in the directory.
  struct Place: Sendable, Hashable {
    private let offset: UInt32
    private let count: UInt16

    /// - Parameter range: below the directory's limit, and no longer than a zip header can say.
    init(_ range: Range<Int>) {
      offset = UInt32(truncatingIfNeeded: range.lowerBound)
      count = UInt16(truncatingIfNeeded: range.count)
    }

    var range: Range<Int> { Int(offset)..<Int(offset) + Int(count) }
  }

  let directory: [UInt8]
  let places: [Place]

  /// The bytes of a name.
  func bytes(_ place: Place) -> ArraySlice<UInt8> { directory[place.range] }

  /// Whether `matches` holds for a name.
  func contains(_ matches: (ArraySlice<UInt8>) -> Bool) -> Bool { places.contains { matches(bytes($0)) } }

  /// Refuses names that are not unique or that another reader could take for another place.
  func check() throws(FormatError) {
    var table = NumberTable(capacity: places.count)
    for (index, place) in places.enumerated() {
      let name = bytes(place)
      guard isPlainPath(name) else {
        throw FormatError(.malformed, "record name \(string(place).debugDescription) is not a plain relative path")
      }
      let earlier = table.insert(index, hash(name)) { other in
        bytes(places[other]).elementsEqual(name) { folded($0) == folded($1) }
      }
      guard earlier == nil else {
        throw FormatError(
          .malformed, "two records are named \(string(place).debugDescription), when upper and lower case count alike")
      }
    }
  }

  func string(_ place: Place) -> String { String(decoding: bytes(place), as: UTF8.self) }

  /// A byte without the difference of ASCII case.
  private func folded(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  private func hash(_ name: ArraySlice<UInt8>) -> UInt32 {
    guard name.contains(where: { folded($0) != $0 }) else { return NumberTable.hash(name) }
    return NumberTable.hash(name.map(folded))
  }

  /// Relative, without empty parts, `.`, `..`, control characters and backslashes.
  private func isPlainPath(_ name: ArraySlice<UInt8>) -> Bool {
    let dot = UInt8(ascii: ".")
    var partStart = name.startIndex
    for index in name.startIndex...name.endIndex {
      if index < name.endIndex {
        let byte = name[index]
        if byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\\") { return false }
        if byte != UInt8(ascii: "/") { continue }
      }
      let part = name[partStart..<index]
      if part.isEmpty || part.count <= 2 && part.allSatisfy({ $0 == dot }) { return false }
      partStart = index + 1
    }
    return true
  }
}
