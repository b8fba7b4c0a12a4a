/// What is kept of a folder itself.
package struct FolderStatus: Sendable, Hashable {
  /// mtime, in nanoseconds since 1970.
  package var modified: Int64
  package var properties: FileProperties

  package init(modified: Int64, properties: FileProperties = .usualOfFolder) {
    self.modified = modified
    self.properties = properties
  }

  /// With other times, in nanoseconds since 1970. Without a ctime it is the mtime.
  func with(modified: Int64, changed: Int64?) -> FolderStatus {
    var status = self
    (status.modified, status.properties.changed) = (modified, changed)
    return status
  }
}

/// It stands in the record of what it is of.
extension FolderStatus: Codable {
  private enum CodingKeys: String, CodingKey { case modified }

  package init(from decoder: any Decoder) throws {
    modified = try decoder.container(keyedBy: CodingKeys.self).decode(Int64.self, forKey: .modified)
    properties = try FileProperties(from: decoder, usual: .usualOfFolder)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(modified, forKey: .modified)
    try properties.encode(to: encoder, usual: .usualOfFolder)
  }
}
