import StoreRecords
import Tensors
import WeightRegistry

extension WeightsFileSystem {
  private static let prefix = "user.tantra."

  package func extendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) -> [UInt8] {
    // The kernel asks for security.capability before writes: answered without a look at anything.
    guard name.hasPrefix(Self.prefix) else { throw FileSystemError(.noAttribute) }
    guard let value = try attribute(String(name.dropFirst(Self.prefix.count)), of: try node(inode)) else {
      throw FileSystemError(.noAttribute)
    }
    return Array(value.utf8)
  }

  package func extendedAttributeNames(of inode: InodeNumber) throws(FileSystemError) -> [String] {
    switch try node(inode) {
    case .view: ["digest", "tensors", "parameters", "dtypes"].map { Self.prefix + $0 }
    case .sidecar: [Self.prefix + "digest"]
    case .version(let model, let version):
      (records.contains(model, version) ? ["tensors", "parameters", "dtypes"].map { Self.prefix + $0 } : [])
        + (refusals[model, version] != nil ? [Self.prefix + "last_error"] : [])
    default: []
    }
  }

  package func setExtendedAttribute(
    _ name: String, of inode: InodeNumber, value: [UInt8], caller: Caller
  ) throws(FileSystemError) {
    throw FileSystemError(name.hasPrefix(Self.prefix) ? .notPermitted : .unsupported)
  }

  package func removeExtendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) {
    throw FileSystemError(name.hasPrefix(Self.prefix) ? .notPermitted : .noAttribute)
  }

  private func attribute(_ name: String, of node: Node) throws(FileSystemError) -> String? {
    switch node {
    case .sidecar(let model, let version, let path, _):
      guard name == "digest", case .file(let file) = try versionFolder(of: model, version).content(at: path) else {
        return nil
      }
      return file.digest?.description
    case .view(let model, let version, let view, _):
      guard let manifest = try versionFolder(of: model, version).manifest else { return nil }
      return name == "digest" ? manifest.content(of: view)?.description : try attribute(name, of: manifest)
    case .version(let model, let version):
      if name == "last_error" { return refusals[model, version] }
      return try versionFolder(of: model, version).manifest.flatMap { (manifest) throws(FileSystemError) in
        try attribute(name, of: manifest)
      }
    default: return nil
    }
  }

  private func attribute(_ name: String, of manifest: Manifest) throws(FileSystemError) -> String? {
    guard let main = manifest.main else { return nil }
    switch name {
    case "tensors": return "\(main.tensorCount)"
    case "parameters": return "\(main.parameterCount)"
    case "dtypes":
      let table = try registryStep(try records.table(main.table))
      return Set(table.stateDict.tensors.map(\.dtype.rawValue)).sorted().joined(separator: " ")
    default: return nil
    }
  }
}
