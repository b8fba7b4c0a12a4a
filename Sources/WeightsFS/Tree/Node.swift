import StoreRecords
import Tensors
import WeightRegistry

/// A place in the tree, by meaning. What an inode number stands for.
enum Node: Hashable, Sendable {
  case root
  case model(ModelName)
  /// `active`, or an alias.
  case link(ModelName, String)
  /// The README.md of a model that an earlier edition kept.
  case plainReadme(ModelName, Edition)
  case version(ModelName, VersionName)
  /// A view, and which bytes it has (``Edition``): another edition is another inode.
  case view(ModelName, VersionName, String, Edition)
  /// A folder that files lie in, by its path in the version.
  case sidecarFolder(FilePlace)
  /// A weight file under a name of its own.
  case sidecar(FilePlace, Edition)
  /// A shard that is not hashed yet.
  case kept(FilePlace, Edition)
  /// An ordinary file: the same inode whatever is written to it.
  case ordinary(FilePlace)
  /// A symbolic link among such files.
  case folderLink(FilePlace)
  /// An ordinary file that was removed while somebody had it open, by its number.
  case removed(UInt64)
  /// A file in the making, by its writer's number: never the inode of what it becomes.
  case staging(UInt64)
  /// `.files`
  case names
  /// `.files/mamba_v1.0_pt.pt`
  case professionalName(ProfessionalName)
  /// `.control`
  case control
  case controlFile(String)
  /// `.control/versions` and its folders.
  case records
  case modelRecords(ModelName)
  case versionRecords(ModelName, VersionName)
  case record(ModelName, VersionName, VersionRecord)
  /// `.derived` and what is below it, and its names in `.files`.
  case derived(DerivedPlace)

  var kind: FileKind {
    switch self {
    case .root, .model, .version, .sidecarFolder, .names, .control, .records, .modelRecords, .versionRecords: .directory
    case .plainReadme, .view, .sidecar, .kept, .ordinary, .removed, .staging, .controlFile, .record: .regular
    case .link, .folderLink, .professionalName: .symbolicLink
    case .derived(let place): place.kind
    }
  }

  /// Tells contents apart that have the same path, one after another.
  var edition: UInt64 {
    switch self {
    case .view(_, _, _, let edition), .sidecar(_, let edition), .kept(_, let edition),
      .plainReadme(_, let edition), .derived(.file(_, let edition)):
      edition.number
    case .staging(let number), .removed(let number): number
    default: 0
    }
  }

  /// Whether what was told of the file stays true when it is gone from the tree.
  var isUnchanging: Bool {
    switch self {
    case .view, .sidecar, .plainReadme, .derived(.file): true
    default: false
    }
  }

  /// What the node is and does.
  func entry(in tree: MountedTree) -> any TreeEntry {
    switch self {
    case .root: RootFolder(tree: tree)
    case .model(let model): ModelFolder(tree: tree, model: model)
    case .link(let model, let name): VersionLink(tree: tree, model: model, name: name)
    case .plainReadme(let model, let edition): PlainReadme(tree: tree, model: model, edition: edition)
    case .version(let model, let version): VersionDirectory(tree: tree, model: model, version: version, inner: "")
    case .sidecarFolder(let place):
      VersionDirectory(tree: tree, model: place.model, version: place.version, inner: place.path)
    case .view(let model, let version, let view, _):
      VersionFile(tree: tree, node: self, place: FilePlace(model: model, version: version, path: "model.\(view)"))
    case .sidecar(let place, _), .kept(let place, _):
      VersionFile(tree: tree, node: self, place: place)
    case .ordinary(let place): OrdinaryEntry(tree: tree, place: place)
    case .folderLink(let place): FolderLink(tree: tree, place: place)
    case .removed(let number): RemovedEntry(tree: tree, number: number)
    case .staging(let number): StagedFile(tree: tree, number: number)
    case .names: NamesFolder(tree: tree)
    case .professionalName(let name): ProfessionalLink(tree: tree, name: name)
    case .control: ControlFolder(tree: tree)
    case .controlFile(let name): ControlNode(tree: tree, name: name)
    case .records: RecordsFolder(tree: tree)
    case .modelRecords(let model): ModelRecordsFolder(tree: tree, model: model)
    case .versionRecords(let model, let version): VersionRecordsFolder(tree: tree, model: model, version: version)
    case .record(let model, let version, let record):
      RecordFile(tree: tree, model: model, version: version, record: record)
    case .derived(let place): place.entry(in: tree)
    }
  }

  /// Path from the root of the mount.
  var path: String {
    switch self {
    case .root: ""
    case .model(let model): "\(model)"
    case .link(let model, let name): "\(model)/\(name)"
    case .plainReadme(let model, _): "\(model)/\(ModelFile.readmeName)"
    case .version(let model, let version): "\(model)/\(version)"
    case .view(let model, let version, let view, _): "\(model)/\(version)/model.\(view)"
    case .sidecarFolder(let place), .sidecar(let place, _), .kept(let place, _), .ordinary(let place),
      .folderLink(let place):
      place.description
    case .removed: ".removed"
    case .staging: ".staging"
    case .names: ".files"
    case .professionalName(let name): ".files/\(name.fileName)"
    case .control: ".control"
    case .controlFile(let name): ".control/\(name)"
    case .records: ".control/versions"
    case .modelRecords(let model): ".control/versions/\(model)"
    case .versionRecords(let model, let version): ".control/versions/\(model)/\(version)"
    case .record(let model, let version, let record): ".control/versions/\(model)/\(version)/\(record.rawValue)"
    case .derived(let place): place.path
    }
  }
}

extension Node {
  /// The version in whose folder, or in whose records, the node is; nil for others.
  var version: (model: ModelName, version: VersionName)? {
    switch self {
    case .version(let model, let version), .view(let model, let version, _, _), .versionRecords(let model, let version),
      .record(let model, let version, _):
      (model, version)
    case .sidecarFolder(let place), .sidecar(let place, _), .kept(let place, _), .ordinary(let place),
      .folderLink(let place):
      (place.model, place.version)
    case .derived(let place): place.version
    default: nil
    }
  }

  /// The place of a file in the folder that the node is; nil if it is none where files lie.
  func place(of name: String) -> FilePlace? {
    switch self {
    case .model(let model): FilePlace(model: model, version: .own, path: name)
    case .version(let model, let version): FilePlace(model: model, version: version, path: name)
    case .sidecarFolder(let place):
      FilePlace(model: place.model, version: place.version, path: place.path + "/" + name)
    default: nil
    }
  }

  /// The version itself, one of its views or its records, as that of another version.
  func moved(to model: ModelName, _ version: VersionName) -> Node {
    switch self {
    case .version: .version(model, version)
    case .view(_, _, let view, let edition): .view(model, version, view, edition)
    case .versionRecords: .versionRecords(model, version)
    case .record(_, _, let record): .record(model, version, record)
    case .derived(let place): .derived(place.moved(to: model, version))
    default: self
    }
  }
}

/// Which content a file has: bytes that are cached for one edition are never shown for another.
struct Edition: Hashable, Sendable {
  let number: UInt64

  init(_ digest: Digest) { number = digest.prefix }

  init(number: UInt64) { self.number = number }
}

/// The files of `.control/versions/<model>/<version>`.
enum VersionRecord: String, Sendable, CaseIterable {
  case manifest = "manifest.json"
  case sums = "SHA256SUMS"
}
