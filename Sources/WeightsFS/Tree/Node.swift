import WeightRegistry

/// A place in the tree, by meaning. What an inode number stands for.
enum Node: Hashable, Sendable {
  case root
  case model(ModelName)
  /// `active`, or an alias.
  case link(ModelName, String)
  case version(ModelName, VersionName)
  case view(ModelName, VersionName, String)
  /// A folder that sidecars lie in, by its path in the version.
  case sidecarFolder(ModelName, VersionName, String)
  case sidecar(ModelName, VersionName, String)
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

  var kind: FileKind {
    switch self {
    case .root, .model, .version, .sidecarFolder, .names, .control, .records, .modelRecords, .versionRecords: .directory
    case .view, .sidecar, .controlFile, .record: .regular
    case .link, .professionalName: .symbolicLink
    }
  }

  /// Path from the root of the mount; unique.
  var path: String {
    switch self {
    case .root: ""
    case .model(let model): "\(model)"
    case .link(let model, let name): "\(model)/\(name)"
    case .version(let model, let version): "\(model)/\(version)"
    case .view(let model, let version, let view): "\(model)/\(version)/model.\(view)"
    case .sidecarFolder(let model, let version, let path), .sidecar(let model, let version, let path):
      "\(model)/\(version)/\(path)"
    case .names: ".files"
    case .professionalName(let name): ".files/\(name.fileName)"
    case .control: ".control"
    case .controlFile(let name): ".control/\(name)"
    case .records: ".control/versions"
    case .modelRecords(let model): ".control/versions/\(model)"
    case .versionRecords(let model, let version): ".control/versions/\(model)/\(version)"
    case .record(let model, let version, let record): ".control/versions/\(model)/\(version)/\(record.rawValue)"
    }
  }
}

/// The files of `.control/versions/<model>/<version>`.
enum VersionRecord: String, Sendable, CaseIterable {
  case manifest = "manifest.json"
  case sums = "SHA256SUMS"
}
