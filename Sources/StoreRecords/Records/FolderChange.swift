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
  /// The mtime of a file, or of a folder ("" is the version's own), in nanoseconds since 1970.
  case setModified(String, Int64)

  private enum CodingKeys: String, CodingKey {
    case put, remove, hide, show, makeFolder, removeFolder, moveFolder, path, modified
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func path(_ key: CodingKeys) throws -> String { try container.decode(String.self, forKey: key) }
    switch container.allKeys.first(where: { $0 != .path }) {
    case .put: self = .put(try container.decode(FolderFile.self, forKey: .put))
    case .remove: self = .remove(try path(.remove))
    case .hide: self = .hide(try path(.hide))
    case .show: self = .show(try path(.show))
    case .makeFolder: self = .makeFolder(try path(.makeFolder))
    case .removeFolder: self = .removeFolder(try path(.removeFolder))
    case .moveFolder: self = .moveFolder(try container.decode(FolderMove.self, forKey: .moveFolder))
    case .modified: self = .setModified(try path(.path), try container.decode(Int64.self, forKey: .modified))
    case .path, nil:
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
    case .setModified(let path, let time):
      try container.encode(path, forKey: .path)
      try container.encode(time, forKey: .modified)
    }
  }

  /// The path that is concerned.
  package var path: String {
    switch self {
    case .put(let file): file.path
    case .moveFolder(let move): move.from
    case .remove(let path), .hide(let path), .show(let path), .makeFolder(let path), .removeFolder(let path),
      .setModified(let path, _):
      path
    }
  }

  /// The path that is concerned, and the one that a folder has got.
  package var paths: [String] { if case .moveFolder(let move) = self { [move.from, move.to] } else { [path] } }
}
