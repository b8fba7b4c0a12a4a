/// The file that says which shard holds which tensor: `model.safetensors.index.json`, `pytorch_model.bin.index.json`.
///
///     {"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00002.safetensors", ...}}
///
/// Of keys that occur twice the last counts, as in Python.
package struct ShardIndex: Sendable, Hashable {
  package static let names = ["model.safetensors.index.json", "pytorch_model.bin.index.json"]
  package static let limit = 64 << 20
  private static let nameByteLimit = 1 << 16

  /// The files that it names, in order.
  package let files: [String]
  /// By tensor: the index of its file in `files`.
  private let places: [String: Int]

  /// Names of tensors that the index has.
  package var tensorCount: Int { places.count }

  /// - Returns: nil if the bytes are no such index: then they are a file like any other.
  package init?(_ bytes: [UInt8]) {
    do throws(FormatError) {
      let map = try Self.weightMap(bytes)
      files = Set(map.values).sorted()
      var numbers: [String: Int] = [:]
      for (number, file) in files.enumerated() { numbers[file] = number }
      var places: [String: Int] = [:]
      places.reserveCapacity(map.count)
      for (name, file) in map { places[name] = numbers[file] }
      self.places = places
    } catch {
      return nil
    }
    if files.isEmpty || files.contains(where: { $0.contains("/") || $0.hasPrefix(".") }) { return nil }
  }

  /// Compares the index with the tensors of its shards.
  ///
  /// - Parameter tensors: by file, the names of the tensors in it.
  /// - Returns: the first that is wrong, in the order of the files; nil if the index names every tensor with its shard, and no other.
  package func mistake(comparedWith tensors: [(file: String, names: [String])]) -> String? {
    var found = 0
    for (file, names) in tensors {
      for name in names {
        guard let place = places[name] else { return "the index does not name tensor \(name) of \(file)" }
        guard files[place] == file else {
          return "the index says that tensor \(name) is in \(files[place]), but \(file) has it"
        }
        found += 1
      }
    }
    guard found == places.count else {
      let known = Set(tensors.flatMap(\.names))
      let missing = places.keys.filter { !known.contains($0) }.min() ?? "?"
      let file = places[missing].map { files[$0] } ?? "?"
      return "the index says that tensor \(missing) is in \(file), which does not have it"
    }
    return nil
  }

  private static func weightMap(_ bytes: [UInt8]) throws(FormatError) -> [String: String] {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw FormatError(.malformed, "the index is not UTF-8")
    }
    var reader = JSONReader(validUTF8: bytes, fileOffset: 0)
    var map: [String: String]?
    try reader.expect("{")
    if !reader.consume("}") {
      repeat {
        let key = try reader.string(maximum: nameByteLimit)
        try reader.expect(":")
        if key.elementsEqual("weight_map".utf8) {
          map = try strings(&reader)
        } else {
          try reader.skipValue(depth: 1)
        }
      } while reader.consume(",")
      try reader.expect("}")
    }
    try reader.expectEnd()
    guard let map else { throw FormatError(.malformed, "the index has no weight_map") }
    return map
  }

  private static func strings(_ reader: inout JSONReader) throws(FormatError) -> [String: String] {
    var map: [String: String] = [:]
    try reader.expect("{")
    if reader.consume("}") { return map }
    repeat {
      let name = String(decoding: try reader.string(maximum: nameByteLimit), as: UTF8.self)
      try reader.expect(":")
      map[name] = String(decoding: try reader.string(maximum: nameByteLimit), as: UTF8.self)
    } while reader.consume(",")
    try reader.expect("}")
    return map
  }
}
