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
      (registry.contains(model, version) ? ["tensors", "parameters", "dtypes"].map { Self.prefix + $0 } : [])
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
      guard name == "digest", case .blob(let sidecar) = try files(of: model, version).content(at: path) else {
        return nil
      }
      return sidecar.digest.description
    case .view(let model, let version, let view, _):
      let manifest = try manifest(model, version)
      return name == "digest" ? manifest.content(of: view).description : try attribute(name, of: manifest)
    case .version(let model, let version):
      if name == "last_error" { return refusals[model, version] }
      return registry.contains(model, version) ? try attribute(name, of: try manifest(model, version)) : nil
    default: return nil
    }
  }

  private func attribute(_ name: String, of manifest: Manifest) throws(FileSystemError) -> String? {
    switch name {
    case "tensors": return "\(manifest.tensorCount)"
    case "parameters": return "\(manifest.parameterCount)"
    case "dtypes":
      let table = try registryStep(try registry.table(manifest.table))
      return Set(table.stateDict.tensors.map(\.dtype.rawValue)).sorted().joined(separator: " ")
    default: return nil
    }
  }
}
