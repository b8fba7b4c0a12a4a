import FoundationEssentials

/// The file that says which shard holds which tensor: `model.safetensors.index.json`, `pytorch_model.bin.index.json`.
package struct ShardIndex: Sendable, Hashable {
  package static let names = ["model.safetensors.index.json", "pytorch_model.bin.index.json"]
  package static let limit = 64 << 20

  /// The files that it names, in order.
  package let files: [String]

  /// - Returns: nil if the bytes are no such index: then they are a file like any other.
  package init?(_ bytes: [UInt8]) {
    struct Index: Decodable { var weight_map: [String: String] }
    do {
      let index = try JSONDecoder().decode(Index.self, from: Data(bytes))
      files = Set(index.weight_map.values).sorted()
    } catch {
      return nil
    }
    if files.isEmpty || files.contains(where: { $0.contains("/") || $0.hasPrefix(".") }) { return nil }
  }
}
