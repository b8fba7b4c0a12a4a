import StoreRecords
import WeightRegistry

extension WeightsFileSystem {
  /// What `stat` tells of a node. Reads at most a manifest; never a table, never tensor data.
  func attributes(of node: Node) throws(FileSystemError) -> FileAttributes {
    var attributes = FileAttributes(
      inode: inodes.number(of: node), kind: node.kind, size: 0, permissions: 0o644, modified: started,
      // Nobody tells a reader's kernel that another process has changed the store: it has to ask.
      isCacheable: !records.isReader)
    switch node {
    case .root, .names, .control, .records, .model, .modelRecords:
      attributes.permissions = 0o755
    case .version(let model, let version), .sidecarFolder(let model, let version, _),
      .versionRecords(let model, let version):
      attributes.permissions = 0o755
      let folder = try versionFolder(of: model, version)
      attributes.modified = folder.manifest?.published ?? folder.made
    case .view(let model, let version, let view, _):
      try take(.view(view), in: versionFolder(of: model, version), into: &attributes)
    case .sidecar(let model, let version, let path, _), .kept(let model, let version, let path, _):
      let folder = try versionFolder(of: model, version)
      guard let content = folder.content(at: path) else { throw FileSystemError(.missing) }
      try take(content, in: folder, into: &attributes)
      if case .file(let file) = content, file.upload != nil { attributes.isCacheable = false }
    case .modelFile(let model, let name, _):
      guard let file = try registryStep(try modelFiles.file(name, of: model)) else {
        throw FileSystemError(.missing)
      }
      attributes.size = file.byteCount
      attributes.modified = file.modified
      // It is looked up on disk each time, and nobody is told when it changes.
      attributes.isCacheable = false
    case .staging(let number):
      guard let writer = writers[number] else { throw FileSystemError(.stale) }
      attributes.size = try registryStep(try writer.byteCount())
      attributes.modified = try registryStep(try writer.modified())
      attributes.isCacheable = false
    case .link:
      attributes.size = try target(of: node).utf8.count
      attributes.permissions = 0o777
      // Links are re-pointed: the kernel must ask each time.
      attributes.isCacheable = false
    case .professionalName:
      attributes.permissions = 0o777
      attributes.size = try target(of: node).utf8.count
    case .controlFile:
      // As in /proc: content is made when it is read, and has no size before.
      attributes.isCacheable = false
    case .record(let model, let version, let record):
      attributes.size = try contents(of: record, model, version).count
      attributes.modified = try versionFolder(of: model, version).manifest?.published ?? started
      attributes.isCacheable = false
    }
    return attributes
  }

  private func take(
    _ content: VersionFolder.Content, in folder: VersionFolder, into attributes: inout FileAttributes
  ) throws(FileSystemError) {
    if case .view(let view) = content, folder.manifest?.main?.views[view] == nil { throw FileSystemError(.missing) }
    attributes.size = content.byteCount(in: folder)
    attributes.modified = content.modified(in: folder)
  }

  /// Where a symbolic link points.
  func target(of node: Node) throws(FileSystemError) -> String {
    switch node {
    case .link(let model, let name):
      guard let target = links(of: model)[name] else { throw FileSystemError(.missing) }
      return target.text
    case .professionalName(let name): return "../\(name.model)/\(name.version)/model.\(name.view)"
    default: throw FileSystemError(.invalid)
    }
  }

  /// The content of a file in `.control/versions`.
  func contents(
    of record: VersionRecord, _ model: ModelName, _ version: VersionName
  ) throws(FileSystemError) -> [UInt8] {
    switch record {
    case .manifest: try registryStep(try StoreCoding.encode(try records.manifest(of: model, version), pretty: true))
    case .sums: Array(try registryStep(try registry.validation.knownSums(of: model, version)).utf8)
    }
  }
}
