package import BlobStore
package import Tensors

/// A file of a version's folder that is no view: an ordinary file, or what is kept until it becomes something else.
package struct FolderFile: Sendable, Hashable, Codable {
  package enum Content: Sendable, Hashable {
    /// A blob, and the plain SHA-256 of its bytes.
    case blob(Digest, digest: Digest)
    /// A file in the staging folder, not hashed yet, by its name there.
    case upload(String)
    /// A copy of a weight file of another version, whose set is not complete here. Its bytes are stored already.
    case weights(WeightRecord)
    /// A symbolic link.
    case link(LinkTarget)
  }

  @ExactName package var path: String
  package var content: Content
  package var byteCount: Int
  /// Nanoseconds since 1970.
  package var modified: Int64
  package var properties: FileProperties

  package init(
    path: String, content: Content, byteCount: Int, modified: Int64, properties: FileProperties = .usual
  ) {
    self.path = path
    self.content = content
    self.byteCount = byteCount
    self.modified = modified
    self.properties = properties
  }

  /// An ordinary file that is a blob.
  package init(path: String, blob: Digest, digest: Digest, byteCount: Int, modified: Int64) {
    self.init(path: path, content: .blob(blob, digest: digest), byteCount: byteCount, modified: modified)
  }

  /// An ordinary file that is a blob, hashed as one segment.
  package init(path: String, _ table: SegmentTable, modified: Int64, properties: FileProperties = .usual) {
    self.init(
      path: path, blob: table.blob, digest: table.segments.first?.digest ?? Table.emptyDigest,
      byteCount: table.byteCount, modified: modified)
    self.properties = properties
  }

  /// A copy of another version's weight file.
  package init(_ file: WeightRecord) {
    self.init(path: file.path, content: .weights(file), byteCount: file.byteCount, modified: file.modified)
  }

  /// A symbolic link.
  package init(path: String, link: LinkTarget, modified: Int64) {
    self.init(path: path, content: .link(link), byteCount: link.bytes.count, modified: modified)
  }

  /// The same file under another path, perhaps with another time.
  package func moved(to path: String, modified: Int64? = nil) -> FolderFile {
    var file = self
    file.path = path
    if let modified { file.modified = modified }
    if case .weights(var weights) = content {
      (weights.path, weights.modified) = (path, file.modified)
      file.content = .weights(weights)
    }
    return file
  }

  /// Every blob that the file needs.
  package var blobs: [Digest] {
    switch content {
    case .blob(let blob, _): [blob]
    case .upload, .link: []
    case .weights(let file): file.blobs
    }
  }

  /// The blob that the file is; nil if it is none.
  package var blob: Digest? { if case .blob(let blob, _) = content { blob } else { nil } }

  /// The weight file of another version that the file is a copy of; nil if it is none.
  package var weights: WeightRecord? { if case .weights(let record) = content { record } else { nil } }

  /// Plain SHA-256 of the bytes of a blob.
  package var digest: Digest? { if case .blob(_, let digest) = content { digest } else { nil } }

  /// The name in the staging folder of a file that is not a blob yet.
  package var upload: String? { if case .upload(let name) = content { name } else { nil } }

  /// Where the symbolic link leads; nil for a file.
  package var link: LinkTarget? { if case .link(let target) = content { target } else { nil } }

  /// Whether it is an ordinary file or a link for good: a manifest holds no others.
  var isSettled: Bool { blob != nil || link != nil }

  /// What is wrong with a decoded file, as the end of a sentence; nil for nothing.
  var problem: String? {
    if byteCount < 0 { return "has a negative size" }
    if case .upload(let name) = content, name.isEmpty || name.hasPrefix(".") || name.contains("/") {
      return "is kept under a name that is none"
    }
    if let link, !link.isPossible || link.bytes.count != byteCount { return "is a link that no file system has" }
    return properties.problem
  }

  private enum CodingKeys: String, CodingKey {
    case path, blob, digest, upload, weights, link, byteCount, modified
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    path = try container.decode(String.self, forKey: .path)
    byteCount = try container.decode(Int.self, forKey: .byteCount)
    modified = try container.decode(Int64.self, forKey: .modified)
    properties = try FileProperties(from: decoder, usual: .usual)
    if let upload = try container.decodeIfPresent(String.self, forKey: .upload) {
      content = .upload(upload)
    } else if let weights = try container.decodeIfPresent(WeightRecord.self, forKey: .weights) {
      content = .weights(weights)
    } else if let target = try container.decodeIfPresent(LinkTarget.self, forKey: .link) {
      content = .link(target)
    } else {
      content = .blob(
        try container.decode(Digest.self, forKey: .blob), digest: try container.decode(Digest.self, forKey: .digest))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(path, forKey: .path)
    try container.encode(byteCount, forKey: .byteCount)
    try container.encode(modified, forKey: .modified)
    try properties.encode(to: encoder, usual: .usual)
    switch content {
    case .blob(let blob, let digest):
      try container.encode(blob, forKey: .blob)
      try container.encode(digest, forKey: .digest)
    case .upload(let name): try container.encode(name, forKey: .upload)
    case .weights(let file): try container.encode(file, forKey: .weights)
    case .link(let target): try container.encode(target, forKey: .link)
    }
  }
}
