/// One change of what a version's folder holds beside its weights; a line of its journal.
package enum FolderChange: Sendable, Hashable, Codable {
  /// A file has come, or has replaced another.
  case put(FolderFile)
  /// A file is gone for good.
  case remove(String)
  /// A file of the published version is gone from the folder; it comes back with a restore.
  case hide(String)
  case show(String)
  case makeFolder(String)
  case removeFolder(String)
  /// A folder has another path, and all that lies in it.
  case moveFolder(FolderMove)
  /// The mtime of a file, or of a folder ("" is the version's own), in nanoseconds since 1970, and the ctime if that is another.
  case setModified(String, Int64, changed: Int64? = nil)
  /// All that is kept of a folder itself ("" is the version's own).
  case setFolder(String, FolderStatus)

  private enum CodingKeys: String, CodingKey {
    case put, remove, hide, show, makeFolder, removeFolder, moveFolder, path, modified, mode, changed
  }

  /// Keys that tell what has changed.
  private static let tellingKeys: Set<CodingKeys> = [
    .put, .remove, .hide, .show, .makeFolder, .removeFolder, .moveFolder, .modified,
  ]

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func path(_ key: CodingKeys) throws -> String { try container.decode(String.self, forKey: key) }
    switch container.allKeys.first(where: Self.tellingKeys.contains) {
    case .put: self = .put(try container.decode(FolderFile.self, forKey: .put))
    case .remove: self = .remove(try path(.remove))
    case .hide: self = .hide(try path(.hide))
    case .show: self = .show(try path(.show))
    case .makeFolder: self = .makeFolder(try path(.makeFolder))
    case .removeFolder: self = .removeFolder(try path(.removeFolder))
    case .moveFolder: self = .moveFolder(try container.decode(FolderMove.self, forKey: .moveFolder))
    // A file has its mode where it is put.
    case .modified where container.contains(.mode):
      self = .setFolder(try path(.path), try FolderStatus(from: decoder))
    case .modified:
      self = .setModified(
        try path(.path), try container.decode(Int64.self, forKey: .modified),
        changed: try container.decodeIfPresent(Int64.self, forKey: .changed))
    case .path, .mode, .changed, nil:
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "no known change"))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .put(let file): try container.encode(file, forKey: .put)
    case .remove(let path): try container.encode(path, forKey: .remove)
    case .hide(let path): try container.encode(path, forKey: .hide)
    case .show(let path): try container.encode(path, forKey: .show)
    case .makeFolder(let path): try container.encode(path, forKey: .makeFolder)
    case .removeFolder(let path): try container.encode(path, forKey: .removeFolder)
    case .moveFolder(let move): try container.encode(move, forKey: .moveFolder)
    case .setModified(let path, let time, let changed):
      try container.encode(path, forKey: .path)
      try container.encode(time, forKey: .modified)
      try container.encodeIfPresent(changed, forKey: .changed)
    case .setFolder(let path, let status):
      try container.encode(path, forKey: .path)
      try status.encode(to: encoder)
      try container.encode(String(status.properties.permissions, radix: 8), forKey: .mode)
    }
  }

  /// The path that is concerned.
  package var path: String {
    switch self {
    case .put(let file): file.path
    case .moveFolder(let move): move.from
    case .remove(let path), .hide(let path), .show(let path), .makeFolder(let path), .removeFolder(let path),
      .setModified(let path, _, _), .setFolder(let path, _):
      path
    }
  }

  /// The path that is concerned, and the one that a folder has got.
  package var paths: [String] { if case .moveFolder(let move) = self { [move.from, move.to] } else { [path] } }
}
