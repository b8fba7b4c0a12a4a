import Dispatch
import Logging
import StoreRecords
import WeightRegistry

/// A model's own folder: its versions, `active` and other links, and files of its own.
struct ModelFolder: TreeFolder {
  let tree: MountedTree
  let model: ModelName
  var path: String { model.text }

  func child(named name: String) throws(FileSystemError) -> Node? {
    if let version = VersionName(name), tree.hasVersion(model, version) { return .version(model, version) }
    if links[name] != nil { return .link(model, name) }
    return try ownFile(named: name)
  }

  /// What has a name here, if it is a file.
  func ownFile(named name: String) throws(FileSystemError) -> Node? {
    try tree.step(try tree.modelFiles.file(name, of: model)).map { Self.node($0, of: model) }
  }

  private static func node(_ file: ModelFile, of model: ModelName) -> Node {
    .modelFile(model, file.name, Edition(number: file.edition))
  }

  func child(named name: String, for caller: Caller) throws(FileSystemError) -> Node? {
    if ModelFile.canBeCalled(name) {
      let destination = Destination.model(model, name: name)
      if let number = tree.writers.expected(at: destination, by: caller.pid) { return .staging(number) }
      return try child(named: name) ?? tree.writers.writer(at: destination).map { .staging($0.number) }
    }
    let child = try child(named: name)
    // The link that came with the first version gives way to one that somebody makes.
    if case .link(_, "active") = child,
      ExclusiveCreation.isUnderWay(
        by: caller.pid, of: .symbolicLink, { $0.suffix(2).elementsEqual([model.text[...], "active"]) }),
      try tree.step(try tree.registry.freezing.isActiveByItself(model))
    {
      return nil
    }
    return child
  }

  func children() throws(FileSystemError) -> [(name: String, node: Node)] {
    let published = try tree.step(try tree.records.listing(of: model)).published.keys
    let versions = (published + (try tree.step(try tree.records.drafts(of: model)))).sorted()
    return links.keys.sorted().map { ($0, .link(model, $0)) }
      + versions.map { ($0.text, .version(model, $0)) }
      + (try tree.step(try tree.modelFiles.files(of: model))).map { ($0.name, Self.node($0, of: model)) }
  }

  func destination(of name: String) throws(FileSystemError) -> Destination {
    guard ModelFile.canBeCalled(name) else {
      throw FileSystemError(
        .notPermitted,
        "\(model)/\(name): of files a model's folder holds \(ModelFile.readmeName) alone; others are made in the folder of a "
          + "version: mkdir MODEL/VERSION first")
    }
    return .model(model, name: name)
  }

  func makeDirectory(_ name: String) throws(FileSystemError) -> Node {
    if try child(named: name) != nil { throw FileSystemError(.exists) }
    let version = try tree.step(try VersionName(validating: name))
    try tree.step(try tree.registry.folders.makeVersion(model, version))
    return .version(model, version)
  }

  func makeHardLink(
    to source: Node, named name: String, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Node {
    if case .link(let theirs, let link) = source {
      let target = try VersionLink(tree: tree, model: theirs, name: link).target()
      return try makeSymbolicLink(name, target: target, by: caller)
    }
    _ = try destination(of: name)
    if try child(named: name) != nil { throw FileSystemError(.exists) }
    guard case .modelFile(let theirs, let theirName, _) = source,
      let copied = try tree.step(try tree.modelFiles.open(theirName, of: theirs))
    else { throw FileSystemError(.crossDevice) }
    let upload = try tree.step(try tree.records.uploads.begin())
    try tree.filling(upload) { () throws(FileSystemError) in
      try VersionView(copied.bytes, byteCount: copied.file.byteCount).copy(to: upload.file, isInterrupted)
      try tree.step(
        try tree.modelFiles.keep(
          upload, as: name, of: model, modified: copied.file.modified, isInterrupted: isInterrupted))
    }
    guard let made = try ownFile(named: name) else { throw FileSystemError(.missing) }
    return made
  }

  func unlink(_ name: String, by caller: Caller) throws(FileSystemError) {
    switch try child(named: name) {
    case .link: try VersionLink(tree: tree, model: model, name: name).remove(by: caller)
    case .version: throw FileSystemError(.isDirectory)
    default: try unlinkOwnFile(name)
    }
  }

  /// Removes a file, or takes the name from one that is being written.
  private func unlinkOwnFile(_ name: String) throws(FileSystemError) {
    let destination = Destination.model(model, name: name)
    let isThere = try ownFile(named: name) != nil
    if isThere { try tree.step(try tree.modelFiles.remove(name, of: model)) }
    let isForgotten = tree.writers.forget(destination) { writer in !(isThere && writer.current.isDirty) }
    if !isThere, !isForgotten { throw FileSystemError(.missing) }
  }

  func remove(by caller: Caller) throws(FileSystemError) {
    if try !tree.step(try tree.modelFiles.files(of: model)).isEmpty { throw FileSystemError(.notEmpty) }
    do throws(StoreError) {
      try tree.registry.folders.removeModel(model)
    } catch {
      throw error.code == .inUse ? FileSystemError(.notEmpty, error.message) : FileSystemError(error)
    }
    for node in [Node.model(model), .modelRecords(model)] { tree.inodes.retire(node) }
  }

  // MARK: Links

  /// The symbolic links and what they point to.
  var links: [String: VersionName] {
    let aliases = tree.records.aliases(of: model).merging(tree.temporaryLinks.all(of: model)) { _, new in new }
    var links = Dictionary(aliases.map { ($0.key.text, $0.value) }, uniquingKeysWith: { first, _ in first })
    if let active = tree.records.activeLink(of: model) { links["active"] = active }
    return links
  }

  func makeSymbolicLink(_ name: String, target: String, by caller: Caller) throws(FileSystemError) -> Node {
    let version = try version(ofTarget: target)
    if try child(named: name) != nil {
      guard name == "active", try tree.step(try tree.registry.freezing.isActiveByItself(model)) else {
        throw FileSystemError(.exists)
      }
    }
    if name == "active" {
      try tree.step(try tree.registry.activation.pointActive(model, at: version, by: Actor(caller)))
    } else {
      let alias = try tree.step(try VersionName(validating: name))
      tree.temporaryLinks.add(alias, to: version, of: model, in: tree)
    }
    return .link(model, name)
  }

  /// The version that a link's target names: `v1.1`, `./v1.1`, `v1.1/`, or the path of it in a mount.
  private func version(ofTarget target: String) throws(FileSystemError) -> VersionName {
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
}

/// `active`, or an alias.
struct VersionLink: TreeLink {
  let tree: MountedTree
  let model: ModelName
  let name: String

  func target() throws(FileSystemError) -> String {
    guard let version = ModelFolder(tree: tree, model: model).links[name] else { throw FileSystemError(.missing) }
    return version.text
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    attributes.size = try target().utf8.count
    // Links are re-pointed: the kernel must ask each time.
    attributes.isCacheable = false
  }

  func remove(by caller: Caller) throws(FileSystemError) {
    if name == "active" {
      try tree.step(try tree.registry.activation.removeActive(of: model, by: Actor(caller)))
    } else if let alias = VersionName(name) {
      try tree.temporaryLinks.inTurn { () throws(FileSystemError) in try forget(alias) }
    }
  }

  /// Removes an alias, durable or not. In turn.
  private func forget(_ alias: VersionName) throws(FileSystemError) {
    tree.temporaryLinks[model, alias] = nil
    if tree.records.aliases(of: model)[alias] != nil {
      try tree.step(try tree.registry.activation.setAlias(alias, of: model, to: nil))
    }
  }

  /// Gives the link another name in its model; onto `active` this is the switch.
  func rename(to newName: String, _ mode: RenameMode, by caller: Caller) throws(FileSystemError) {
    let folder = ModelFolder(tree: tree, model: model)
    guard let version = folder.links[name] else { throw FileSystemError(.missing) }
    guard name != "active", let alias = VersionName(name) else {
      throw FileSystemError(.busy, "\(model)/active cannot be renamed; ln -sfn points it elsewhere")
    }
    let existing = try folder.child(named: newName)
    if existing != nil, mode == .keeping { throw FileSystemError(.exists) }
    if existing?.kind == .directory { throw FileSystemError(.isDirectory) }
    try tree.temporaryLinks.inTurn { () throws(FileSystemError) in
      if newName == "active" {
        try tree.step(try tree.registry.activation.pointActive(model, at: version, by: Actor(caller)))
      } else {
        let newAlias = try tree.step(try VersionName(validating: newName))
        tree.temporaryLinks[model, newAlias] = nil
        try tree.step(try tree.registry.activation.setAlias(newAlias, of: model, to: version))
      }
      try forget(alias)
    }
  }
}

extension Actor {
  init(_ caller: Caller) { self.init(uid: caller.uid, pid: caller.pid) }
}

/// A file in a model's own folder: `README.md`. The registry keeps it as it is, under its own name.
struct OwnFile: TreeFile {
  let tree: MountedTree
  let model: ModelName
  let name: String
  let edition: Edition

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    guard let file = try tree.step(try tree.modelFiles.file(name, of: model)) else { throw FileSystemError(.missing) }
    attributes.size = file.byteCount
    attributes.modified = file.modified
    // It is looked up on disk each time, and nobody is told when it changes.
    attributes.isCacheable = false
  }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    guard let (file, bytes) = try tree.step(try tree.modelFiles.open(name, of: model)),
      access.changes || Edition(number: file.edition) == edition
    else { throw FileSystemError(.stale) }
    let opened = VersionView(bytes, byteCount: file.byteCount)
    try tree.requireHarmless(nil, of: model, path: "\(model)/\(name)", access) { opened }
    if access.changes { throw try tree.reopening(.model(model, name: name), opened, access) }
    return tree.open(opened, .modelFile(model, name, edition))
  }

  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    throw tree.refusalToCut("\(model)/\(name)")
  }

  func setModified(_ time: Int64) throws(FileSystemError) {
    try tree.step(try tree.modelFiles.setModified(name, of: model, to: time))
  }
}
