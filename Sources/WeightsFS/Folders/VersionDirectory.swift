import Glibc
import Logging
import StoreRecords
import Tensors
import WeightRegistry

/// The folder of a version or a draft, or a folder in it; also the files of a model's own folder, without its versions and links.
struct VersionDirectory: TreeFolder {
  let tree: MountedTree
  let model: ModelName
  let version: VersionName
  /// Path in the version; "" for the version's own.
  let inner: String

  var path: String { inner.isEmpty ? "\(model)/\(version)" : "\(model)/\(version)/\(inner)" }

  private func place(named name: String) -> FilePlace {
    FilePlace(model: model, version: version, path: inner.isEmpty ? name : inner + "/" + name)
  }

  /// The place of a file that gets a name here.
  ///
  /// - Throws: `EINVAL` for a name that no file here may have.
  func place(of name: String) throws(FileSystemError) -> FilePlace {
    let place = place(named: name)
    if case .view = place.purpose { return place }
    if let problem = FilePurpose.problem(ofPath: place.path, allowsViews: place.isInModel) {
      let isTooLong = place.path.utf8.count > FilePurpose.pathLimit
      throw FileSystemError(isTooLong ? ENAMETOOLONG : EINVAL, "\(place) \(problem)")
    }
    return place
  }

  func child(named name: String) throws(FileSystemError) -> Node? { try tree.node(at: place(named: name)) }

  func child(named name: String, for caller: Caller) throws(FileSystemError) -> Node? {
    let place = place(named: name)
    if let number = tree.writers.expected(at: place, by: caller.pid) { return .staging(number) }
    if let child = try tree.node(at: place) {
      // A published weight file can be made anew: what is accepted replaces it, or is the same. Whoever links an ordinary file once
      // more, as cp -al does, finds the same file: that is no error on a disk either.
      let isOrdinary = place.purpose.isOrdinary
      let mayBeMade = isOrdinary ? true : try tree.isPublishedWeights(place)
      if mayBeMade,
        ExclusiveCreation.isUnderWay(by: caller.pid, of: isOrdinary ? .symbolicLink : .file, { leads($0, to: place) })
          ?? tree.fillers.hides(place, from: caller.pid)
      {
        return nil
      }
      return child
    }
    return tree.writers.writer(at: place).map { .staging($0.number) }
  }

  /// Whether a path, cut at its slashes, ends as one to `place` does, by the version's name or by that of a link to it.
  private func leads(_ path: [Substring], to place: FilePlace) -> Bool {
    var names: [Substring] = []
    for name in path where name != "." {
      if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    let file = place.path.split(separator: "/")
    guard names.count >= file.count + 2, names.suffix(file.count).elementsEqual(file) else { return false }
    let folder = names.dropLast(file.count).suffix(2)
    guard let model = folder.first, let version = folder.last, model == place.model.text else { return false }
    return version == place.version.text
      || ModelFolder(tree: tree, model: place.model).links[String(version)] == place.version
  }

  func children() throws(FileSystemError) -> [(name: String, node: Node)] {
    Node.children(of: inner, in: try tree.versionFolder(of: model, version))
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: model, version)
    attributes.linkCount = UInt32(clamping: 2 + folder.subfolderCount(of: inner))
    let status = folder.status(ofFolder: inner)
    (attributes.modified, attributes.changed) = (status.modified, status.properties.changed)
    attributes.permissions = status.properties.permissions
  }

  /// The folder itself.
  private var place: FilePlace { FilePlace(model: model, version: version, path: inner) }

  func setModified(_ time: Int64) throws(FileSystemError) {
    try tree.change(place) { _ in [.setModified(inner, time, changed: Timestamp.now())] }
  }

  func properties() throws(FileSystemError) -> FileProperties? {
    try tree.versionFolder(of: model, version).status(ofFolder: inner).properties
  }

  /// A frozen version keeps its files; who fills its folders, as cp -a and tar do, sets the permissions of those at the end.
  func changeProperties(_ change: PropertyChange) throws(FileSystemError) {
    var refusal: FileSystemError?
    try tree.change(place) { folder in
      var status = folder.status(ofFolder: inner)
      let old = status.properties
      do throws(FileSystemError) { status.properties = try change(old) } catch { refusal = error }
      return status.properties == old || !folder.isFolder(inner) ? [] : [.setFolder(inner, status)]
    }
    if let refusal { throw refusal }
  }

  func extendedAttributeNames() -> [String] {
    guard inner.isEmpty else { return [] }
    return (tree.records.contains(model, version) ? ["tensors", "parameters", "dtypes"] : [])
      + (tree.refusals[model, version] != nil ? ["last_error"] : [])
  }

  func extendedAttribute(_ name: String) throws(FileSystemError) -> String? {
    guard inner.isEmpty else { return nil }
    if name == "last_error" { return tree.refusals[model, version] }
    return try tree.versionFolder(of: model, version).manifest.flatMap { (manifest) throws(FileSystemError) in
      try tree.attribute(name, of: manifest)
    }
  }

  func create(
    _ name: String, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> (node: Node, file: OpenFile) {
    let place = try place(of: name)
    let node = Node.ordinary(place)
    switch try tree.node(at: place) {
    case let existing? where existing.kind == .directory: throw FileSystemError(.isDirectory)
    case .ordinary where isExclusive: throw FileSystemError(.exists)
    // It came after the kernel had looked: another look leads to where it leads.
    case .folderLink: throw FileSystemError(isExclusive ? .exists : .stale)
    case .ordinary: return (node, try OrdinaryEntry(tree: tree, place: place).open(access))
    case nil where place.purpose.isOrdinary: return (node, try OrdinaryEntry(tree: tree, place: place).create(access))
    default: return try createPrivately(at: place, access, isExclusive: isExclusive)
    }
  }

  func makeDirectory(_ name: String, permissions: UInt32) throws(FileSystemError) -> Node {
    if try child(named: name) != nil { throw FileSystemError(.exists) }
    let place = try place(of: name)
    if place.isWeights { throw FileSystemError(.invalid, "\(place) is the name of a weight file, not of a folder") }
    try tree.change(place) { folder in
      // A folder hands its set-group-ID bit down.
      let inherited = folder.status(ofFolder: inner).properties.permissions & 0o2000
      let properties = FileProperties(permissions: permissions | inherited)
      let status = FolderStatus(modified: Timestamp.now(), properties: properties)
      return [.makeFolder(place.path)] + (properties == .usualOfFolder ? [] : [.setFolder(place.path, status)])
    }
    return .sidecarFolder(place)
  }

  func makeSymbolicLink(_ name: String, target: LinkTarget, by caller: Caller) throws(FileSystemError) -> Node {
    let place = try place(of: name)
    try FolderLink(tree: tree, place: place).create(target)
    return .folderLink(place)
  }

  func makeHardLink(
    to source: Node, named name: String, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Node {
    let place = try place(of: name)
    let folder = try tree.versionFolder(of: model, version)
    let existing = folder.content(at: place.path)
    if folder.entry(at: place.path) != nil, !folder.isPublished(place.path) { throw FileSystemError(.exists) }
    let other: FilePlace
    switch source.entry(in: tree) {
    case let file as VersionFile: other = file.place
    case let file as OrdinaryEntry: other = file.place
    case let link as FolderLink: other = link.place
    default: throw FileSystemError(.notPermitted, "\(place): only files of versions can be linked")
    }
    let theirs = try tree.versionFolder(of: other.model, other.version)
    guard let content = theirs.content(at: other.path) else { throw FileSystemError(.missing) }
    if case .file(let file) = existing {
      guard case .file(let same) = content, let digest = file.digest, digest == same.digest else {
        throw FileSystemError(.exists)
      }
      return Node(.content(.file(same)), at: place.path, in: folder)
    }
    try Copying(tree: tree, place: place, isInterrupted: isInterrupted).install(content, of: theirs, isMove: false)
    guard let node = try tree.node(at: place) else { throw FileSystemError(.missing) }
    return node
  }

  func unlink(_ name: String, by caller: Caller) throws(FileSystemError) {
    let place = try place(of: name)
    settleWriters(of: place)
    let folder = try tree.versionFolder(of: model, version)
    if folder.isFolder(place.path) { throw FileSystemError(.isDirectory) }
    // A version that was thawed meanwhile comes back as a whole.
    var isNew = tree.additions.contains(place, of: folder)
    if isNew { isNew = try tree.step(try tree.registry.freezing.isFrozen(model, version)) }
    do throws(FileSystemError) {
      try tree.ordinary.changing(place) { () throws(FileSystemError) in
        // A writer must not bring the name back.
        try tree.step(
          try tree.registry.folders.remove(
            place.path, of: model, version, isNew: isNew,
            forgettingWriters: {
              OrdinaryNames(tree: tree).remove(place)
              tree.additions.forget(place)
              return tree.writers.forget(place)
            }))
      }
    } catch {
      if error.errno == FileSystemError.Condition.missing.errno { throw FileSystemError(.missing) }
      throw tree.refuse(error, model, version)
    }
  }

  /// What was closed under a name that goes is stored first. That it cannot be is no reason to keep it.
  private func settleWriters(of place: FilePlace) {
    for writer in tree.writers.writers(at: place) {
      do throws(FileSystemError) {
        try Commit(writer: writer) { false }.settleBeforeRemoval()
      } catch {
        tree.logger.warning("\(place) goes for good: \(error)")
      }
    }
  }

  func remove(by caller: Caller) throws(FileSystemError) {
    guard !inner.isEmpty else { return try removeVersion(by: caller) }
    let place = FilePlace(model: model, version: version, path: inner)
    var isEmpty = false
    try tree.change(place) { folder in
      isEmpty = folder.isEmpty(inner)
      return isEmpty ? [.removeFolder(inner)] : []
    }
    if !isEmpty { throw FileSystemError(.notEmpty) }
    tree.inodes.retire(.sidecarFolder(place))
  }

  private func removeVersion(by caller: Caller) throws(FileSystemError) {
    do throws(FileSystemError) {
      try tree.step(
        try tree.registry.folders.removeVersion(
          model, version, by: Actor(caller), forgettingWriters: { tree.writers.forget(in: model, version) }))
    } catch {
      throw tree.refuse(error, model, version)
    }
  }
}

extension MountedTree {
  /// What the manifest says of a version's main state dict, under the name of an extended attribute.
  func attribute(_ name: String, of manifest: Manifest) throws(FileSystemError) -> String? {
    guard let main = manifest.main else { return nil }
    switch name {
    case "tensors": return "\(main.tensorCount)"
    case "parameters": return "\(main.parameterCount)"
    case "dtypes":
      let table = try step(try records.table(main.table))
      return Set(table.stateDict.tensors.map(\.dtype.rawValue)).sorted().joined(separator: " ")
    default: return nil
    }
  }

  /// Why a file that others may read is not cut.
  func refusalToCut(_ path: String) -> FileSystemError {
    records.isReader
      ? FileSystemError(.readOnlyFile)
      : FileSystemError(
        .notPermitted, "\(path) cannot be truncated where others may read it; open it for writing instead")
  }
}
