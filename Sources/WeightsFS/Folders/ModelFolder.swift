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
    if let file = try files.child(named: name) { return file }
    return name == ModelFile.readmeName ? try plainReadme : nil
  }

  /// The files that lie here, which are recorded as those of a draft are.
  var files: VersionDirectory { VersionDirectory(tree: tree, model: model, version: .own, inner: "") }

  private var plainReadme: Node? {
    get throws(FileSystemError) {
      try tree.step(try tree.readmes.file(of: model)).map { .plainReadme(model, Edition(number: $0.edition)) }
    }
  }

  func child(named name: String, for caller: Caller) throws(FileSystemError) -> Node? {
    let child = try child(named: name)
    // The link that came with the first version gives way to one that somebody makes.
    if case .link(_, "active") = child,
      ExclusiveCreation.isUnderWay(
        by: caller.pid, of: .symbolicLink, { $0.suffix(2).elementsEqual([model.text[...], "active"]) })
        ?? isFilled(by: caller),
      try tree.step(try tree.registry.freezing.isActiveByItself(model))
    {
      return nil
    }
    return child
  }

  /// Whether somebody copies files into one of the model's versions, and has not made `active` himself.
  private func isFilled(by caller: Caller) -> Bool {
    tree.fillers.hides(FilePlace(model: model, version: .own, path: "active"), from: caller.pid)
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    attributes.modified = try tree.modified(of: model)
  }

  func setModified(_ time: Int64) throws(FileSystemError) { try tree.step(try tree.records.times.set(model, to: time)) }

  func children() throws(FileSystemError) -> [(name: String, node: Node)] {
    let published = try tree.step(try tree.records.listing(of: model)).published.keys
    let versions = (published + (try tree.step(try tree.records.drafts(of: model)))).sorted()
    var files = try self.files.children()
    if !files.contains(where: { $0.name == ModelFile.readmeName }), let readme = try plainReadme {
      files.append((ModelFile.readmeName, readme))
    }
    return links.keys.sorted().map { ($0, .link(model, $0)) }
      + versions.map { ($0.text, .version(model, $0)) } + files
  }

  // MARK: Files

  /// The place of a file that gets a name here, or has it.
  func place(of name: String) throws(FileSystemError) -> FilePlace {
    if name == "active" {
      throw FileSystemError(.notPermitted, "\(model)/active is the link to the model's active version, and no file")
    }
    return try files.place(of: name)
  }

  func create(
    _ name: String, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> (node: Node, file: OpenFile) {
    _ = try place(of: name)
    switch try child(named: name) {
    case .version: throw FileSystemError(.isDirectory)
    case .link: throw FileSystemError(.exists)
    case .plainReadme where isExclusive: throw FileSystemError(.exists)
    case .plainReadme: try tree.takeOverReadme(of: model)
    default: break
    }
    return try files.create(name, access, isExclusive: isExclusive)
  }

  func makeDirectory(_ name: String, permissions: UInt32) throws(FileSystemError) -> Node {
    if try child(named: name) != nil { throw FileSystemError(.exists) }
    let version = try tree.step(try VersionName(validating: name))
    try tree.step(
      try tree.registry.folders.makeVersion(
        model, version, properties: FileProperties(permissions: permissions)))
    return .version(model, version)
  }

  func makeHardLink(
    to source: Node, named name: String, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Node {
    if case .link(let theirs, let link) = source {
      let target = try VersionLink(tree: tree, model: theirs, name: link).target()
      return try makeSymbolicLink(name, target: target, by: caller)
    }
    _ = try place(of: name)
    switch try child(named: name) {
    case nil, .ordinary: return try files.makeHardLink(to: source, named: name, by: caller, isInterrupted)
    default: throw FileSystemError(.exists)
    }
  }

  func unlink(_ name: String, by caller: Caller) throws(FileSystemError) {
    switch try child(named: name) {
    case .link: try VersionLink(tree: tree, model: model, name: name).remove(by: caller)
    case .version: throw FileSystemError(.isDirectory)
    case .plainReadme: try tree.step(try tree.readmes.remove(of: model))
    default:
      // The one that was taken over must not come back.
      if name == ModelFile.readmeName { try tree.step(try tree.readmes.remove(of: model)) }
      try files.unlink(name, by: caller)
    }
  }

  func remove(by caller: Caller) throws(FileSystemError) {
    if try plainReadme != nil { throw FileSystemError(.notEmpty) }
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
    let aliases = tree.records.aliases(of: model).merging(
      tree.temporaryLinks.all(of: model).mapValues(\.version)
    ) { _, new in new }
    var links = Dictionary(aliases.map { ($0.key.text, $0.value) }, uniquingKeysWith: { first, _ in first })
    if let active = tree.records.activeLink(of: model) { links["active"] = active }
    return links
  }

  func makeSymbolicLink(_ name: String, target: LinkTarget, by caller: Caller) throws(FileSystemError) -> Node {
    let existing = try child(named: name)
    if name == "active" {
      let version = try version(ofTarget: target)
      if existing != nil {
        guard try tree.step(try tree.registry.freezing.isActiveByItself(model)) else { throw FileSystemError(.exists) }
        // Whoever copies a folder with its links chooses nothing.
        if links[name] == version, isFilled(by: caller) { return .link(model, name) }
      }
      try point(name, at: version, by: caller)
    } else if existing != nil {
      throw FileSystemError(.exists)
    } else if let alias = VersionName(name), let version = versionName(in: target),
      try files.child(named: version.text) == nil
    {
      tree.temporaryLinks.add(alias, to: version, of: model, in: tree)
    } else {
      return try files.makeSymbolicLink(name, target: target, by: caller)
    }
    return .link(model, name)
  }

  /// Lets `active` or an alias lead to a version.
  func point(_ name: String, at version: VersionName, by caller: Caller) throws(FileSystemError) {
    if name == "active" {
      try tree.step(try tree.registry.activation.pointActive(model, at: version, by: Actor(caller)))
    } else {
      let alias = try tree.step(try VersionName(validating: name))
      tree.temporaryLinks[model, alias] = nil
      try tree.step(try tree.registry.activation.setAlias(alias, of: model, to: version))
    }
  }

  /// - Throws: `EINVAL` for a target that names no version.
  func version(ofTarget target: LinkTarget) throws(FileSystemError) -> VersionName {
    if let version = versionName(in: target) { return version }
    throw FileSystemError(.invalid, "\"\(target)\" is no version of \(model), and active and aliases lead to versions")
  }

  /// The version that a link's target names: `v1.1`, `./v1.1`, `v1.1/`, or the path of it in a mount; nil for other targets.
  private func versionName(in target: LinkTarget) -> VersionName? {
    guard let target = target.text else { return nil }
    let parts = target.split(separator: "/").filter { $0 != "." }
    let isAbsolute = target.hasPrefix("/")
    if let last = parts.last, let version = VersionName(last),
      isAbsolute ? parts.count >= 2 && parts[parts.count - 2] == model.text : parts.count == 1
    {
      return version
    }
    return nil
  }
}

/// `active`, or an alias.
struct VersionLink: TreeLink {
  let tree: MountedTree
  let model: ModelName
  let name: String

  func target() throws(FileSystemError) -> LinkTarget {
    guard let version = ModelFolder(tree: tree, model: model).links[name] else { throw FileSystemError(.missing) }
    return LinkTarget(version.text)
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    attributes.size = try target().bytes.count
    attributes.modified = if let made { made } else { try tree.modified(of: model) }
    // Links are re-pointed: the kernel must ask each time.
    attributes.isCacheable = false
  }

  /// When the link was made or re-pointed, in nanoseconds since 1970; nil if that is not known.
  private var made: Int64? {
    let record = tree.records.record(of: model)
    if name == "active" { return record.lastSwitch }
    return VersionName(name).flatMap { tree.temporaryLinks[model, $0]?.made ?? record.aliasTimes?[$0] }
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
      try folder.point(newName, at: version, by: caller)
      try forget(alias)
    }
    switch existing {
    case .ordinary, .folderLink: try folder.files.unlink(newName, by: caller)
    default: break
    }
  }
}

extension Actor {
  init(_ caller: Caller) { self.init(uid: caller.uid, livingPid: caller.pid) }
}
