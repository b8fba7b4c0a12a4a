import StoreRecords
import Tensors

/// `index.json` of an OCI image layout: which manifests there are, and under which tags.
///
/// https://github.com/opencontainers/image-spec/blob/main/image-layout.md: what others have written in it stays as it is.
struct LayoutIndex: Sendable {
  /// Bytes that one may have.
  static let byteLimit = 16 << 20
  private static let tagName = "org.opencontainers.image.ref.name"

  private var root: [String: JSONValue]
  private var entries: [JSONValue]

  /// An index of nothing.
  init() {
    root = ["schemaVersion": .integer(2), "mediaType": .string("application/vnd.oci.image.index.v1+json")]
    entries = []
  }

  /// - Parameter name: names the layout in messages.
  /// - Throws: `damaged`.
  init(_ bytes: [UInt8], of name: String) throws(StoreError) {
    let value = try StoreCoding.decode(JSONValue.self, from: bytes, what: "index.json of \(name)")
    guard case .object(let root) = value, case .array(let entries) = root["manifests"] ?? .array([]) else {
      throw StoreError(.damaged, "index.json of \(name) is damaged: it lists no manifests")
    }
    self.root = root
    self.entries = entries
  }

  private static func tag(of entry: JSONValue) -> String? { entry["annotations"]?[tagName]?.text }

  /// The digest that a tag points to; nil if there is no such tag.
  ///
  /// - Throws: `damaged` if it points to more than one.
  func digest(of tag: String, name: String) throws(StoreError) -> Digest? {
    let digests = Set(entries.filter { Self.tag(of: $0) == tag }.map { $0["digest"]?.text ?? "" })
    guard let text = digests.first else { return nil }
    guard digests.count == 1, let digest = OCIDigest(text) else {
      throw StoreError(
        .damaged,
        "index.json of \(name) is damaged: the tag \(tag) points to \(digests.sorted().joined(separator: ", "))")
    }
    return digest.digest
  }

  /// All tags, in natural order.
  var tags: [String] { Set(entries.compactMap(Self.tag)).sorted(by: NaturalOrder.precedes) }

  /// Lets a tag point to a manifest.
  mutating func set(_ tag: String, to manifest: RemoteBlob) {
    entries.removeAll { Self.tag(of: $0) == tag }
    entries.append(
      .object([
        "mediaType": .string(ArtifactManifest.mediaType), "digest": .string("\(OCIDigest(manifest.digest))"),
        "size": .integer(Int64(manifest.byteCount)), "annotations": .object([Self.tagName: .string(tag)]),
      ]))
  }

  func encoded() throws(StoreError) -> [UInt8] {
    var root = root
    root["manifests"] = .array(entries)
    return try StoreCoding.encode(JSONValue.object(root), pretty: false)
  }
}
