import StoreRecords
import WeightRegistry

/// `.control`
struct ControlFolder: TreeFolder {
  let tree: MountedTree
  var path: String { ".control" }

  func child(named name: String) -> Node? {
    if name == "versions" { return .records }
    return tree.controls.contains { $0.name == name } ? .controlFile(name) : nil
  }

  func children() -> [(name: String, node: Node)] {
    tree.controls.map { ($0.name, .controlFile($0.name)) } + [("versions", .records)]
  }
}

/// A file of `.control`. As in /proc, its content is made when it is read, and has no size before.
struct ControlNode: TreeEntry {
  let tree: MountedTree
  let name: String

  func describe(_ attributes: inout FileAttributes) { attributes.isCacheable = false }

  /// A shell's `>` truncates the file before it writes its request.
  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    if try !file.acceptsRequests { throw FileSystemError(.readOnlyFile) }
  }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    let file = try file
    if access.writes, !file.acceptsRequests { throw FileSystemError(.readOnlyFile) }
    return OpenFile(handle: tree.handles.insert(ControlSession(file: file)), caching: .none)
  }

  private var file: any ControlFile {
    get throws(FileSystemError) {
      guard let file = tree.controls.first(where: { $0.name == name }) else { throw FileSystemError(.missing) }
      return file
    }
  }
}

/// `.control/versions`
struct RecordsFolder: TreeFolder {
  let tree: MountedTree
  var path: String { ".control/versions" }

  func child(named name: String) -> Node? {
    ModelName(name).flatMap { tree.records.contains($0) ? .modelRecords($0) : nil }
  }

  func children() -> [(name: String, node: Node)] { tree.records.models.map { ($0.text, .modelRecords($0)) } }
}

/// `.control/versions/<model>`
struct ModelRecordsFolder: TreeFolder {
  let tree: MountedTree
  let model: ModelName
  var path: String { ".control/versions/\(model)" }

  func child(named name: String) -> Node? {
    VersionName(name).flatMap { tree.records.contains(model, $0) ? .versionRecords(model, $0) : nil }
  }

  func children() throws(FileSystemError) -> [(name: String, node: Node)] {
    try tree.step(try tree.records.versions(of: model)).map { ($0.text, .versionRecords(model, $0)) }
  }
}

/// `.control/versions/<model>/<version>`
struct VersionRecordsFolder: TreeFolder {
  let tree: MountedTree
  let model: ModelName
  let version: VersionName
  var path: String { ".control/versions/\(model)/\(version)" }

  func child(named name: String) -> Node? { VersionRecord(rawValue: name).map { .record(model, version, $0) } }

  func children() -> [(name: String, node: Node)] {
    VersionRecord.allCases.map { ($0.rawValue, .record(model, version, $0)) }
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: model, version)
    attributes.modified = folder.manifest?.published ?? folder.made
  }
}

/// A file of `.control/versions/<model>/<version>`.
struct RecordFile: TreeEntry {
  let tree: MountedTree
  let model: ModelName
  let version: VersionName
  let record: VersionRecord

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    attributes.size = try contents().count
    attributes.modified = try tree.versionFolder(of: model, version).manifest?.published ?? tree.started
    attributes.isCacheable = false
  }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    if access.writes || access.truncates { throw FileSystemError(.readOnlyFile) }
    return OpenFile(handle: tree.handles.insert(SnapshotHandle(bytes: try contents())), caching: .none)
  }

  private func contents() throws(FileSystemError) -> [UInt8] {
    switch record {
    case .manifest:
      try tree.step(try StoreCoding.encode(try tree.records.manifest(of: model, version), pretty: true))
    case .sums: Array(try tree.step(try tree.registry.validation.knownSums(of: model, version)).utf8)
    }
  }
}
