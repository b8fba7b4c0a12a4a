import Dispatch
import Logging
import StoreRecords
import WeightRegistry

extension WeightsFileSystem {
  /// How long a link may wait for its final name before it becomes durable under the one that it has.
  private static let patience = DispatchTimeInterval.seconds(1)

  package func makeSymbolicLink(
    _ name: String, in parent: InodeNumber, target: String, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    guard case .model(let model) = try node(parent) else {
      throw FileSystemError(
        .notPermitted, "\(name): symbolic links can be made only in a model's folder, where they point to versions")
    }
    let version = try Self.version(ofTarget: target, in: model)
    if try child(named: name, of: .model(model)) != nil {
      guard name == "active", try registryStep(try registry.activation.hasDefaultActive(model)) else {
        throw FileSystemError(.exists)
      }
    }
    if name == "active" {
      try registryStep(
        try registry.activation.pointActive(model, at: version, by: Actor(uid: caller.uid, pid: caller.pid)))
    } else {
      let alias = try registryStep(try VersionName(validating: name))
      temporaryLinks[model, alias] = version
      DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { [weak self] in
        self?.makeDurable(alias, of: model)
      }
    }
    return try item(.link(model, name))
  }

  /// Makes a link durable that nobody has renamed.
  private func makeDurable(_ alias: VersionName, of model: ModelName) {
    do throws(FileSystemError) {
      try temporaryLinks.inTurn { () throws(FileSystemError) in
        guard let version = temporaryLinks[model, alias] else { return }
        defer { temporaryLinks[model, alias] = nil }
        try registryStep(try registry.activation.setAlias(alias, of: model, to: version))
      }
    } catch {
      logger.error("\(model)/\(alias): the link could not be kept: \(error)")
    }
  }

  /// The version that a link's target names: `v1.1`, `./v1.1`, `v1.1/`, or the path of it in a mount.
  private static func version(ofTarget target: String, in model: ModelName) throws(FileSystemError) -> VersionName {
    let parts = target.split(separator: "/").filter { $0 != "." }
    let isAbsolute = target.hasPrefix("/")
    if let last = parts.last, let version = VersionName(last),
      isAbsolute ? parts.count >= 2 && parts[parts.count - 2] == model.text : parts.count == 1
    {
      return version
    }
    throw FileSystemError(
      .invalid, "\"\(target)\" is no version of \(model): a link in a model's folder points to a version by its name")
  }

  func unlinkLink(_ name: String, of model: ModelName, _ caller: Caller) throws(FileSystemError) {
    guard let child = try child(named: name, of: .model(model)) else { throw FileSystemError(.missing) }
    guard case .link = child else { throw FileSystemError(.isDirectory) }
    if name == "active" {
      try registryStep(try registry.activation.removeActive(of: model, by: Actor(uid: caller.uid, pid: caller.pid)))
    } else if let alias = VersionName(name) {
      try temporaryLinks.inTurn { () throws(FileSystemError) in try forget(alias, of: model) }
    }
  }

  /// Removes an alias, durable or not. In turn.
  private func forget(_ alias: VersionName, of model: ModelName) throws(FileSystemError) {
    temporaryLinks[model, alias] = nil
    if records.aliases(of: model)[alias] != nil {
      try registryStep(try registry.activation.setAlias(alias, of: model, to: nil))
    }
  }

  /// Renames a link within its model; onto `active` this is the switch.
  func renameLink(
    _ name: String, to newName: String, of model: ModelName, _ mode: RenameMode, _ caller: Caller
  ) throws(FileSystemError) {
    guard let version = links(of: model)[name] else { throw FileSystemError(.missing) }
    guard name != "active", let alias = VersionName(name) else {
      throw FileSystemError(.busy, "\(model)/active cannot be renamed; ln -sfn points it elsewhere")
    }
    let existing = try child(named: newName, of: .model(model))
    if existing != nil, mode == .keeping { throw FileSystemError(.exists) }
    if existing?.kind == .directory { throw FileSystemError(.isDirectory) }
    try temporaryLinks.inTurn { () throws(FileSystemError) in
      if newName == "active" {
        try registryStep(
          try registry.activation.pointActive(model, at: version, by: Actor(uid: caller.uid, pid: caller.pid)))
      } else {
        let newAlias = try registryStep(try VersionName(validating: newName))
        temporaryLinks[model, newAlias] = nil
        try registryStep(try registry.activation.setAlias(newAlias, of: model, to: version))
      }
      try forget(alias, of: model)
    }
  }
}
