import StoreRecords

/// What a node is, and what it does. Each kind of node has a type of its own, made when somebody asks.
protocol TreeEntry: Sendable {
  var tree: MountedTree { get }

  /// Fills in what `stat` tells, where it differs from what everything of this kind has.
  func describe(_ attributes: inout FileAttributes) throws(FileSystemError)

  /// Names after `user.tantra.`
  func extendedAttributeNames() throws(FileSystemError) -> [String]

  /// nil if there is none of that name.
  func extendedAttribute(_ name: String) throws(FileSystemError) -> String?

  /// - Throws: `ESTALE` if it cannot be opened that way, but a fresh lookup of its name leads to one that can.
  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile

  /// Cuts or grows the file.
  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError)

  /// - Parameter time: in nanoseconds since 1970.
  func setModified(_ time: Int64) throws(FileSystemError)

  /// Permissions and extended attributes; nil for what keeps none.
  func properties() throws(FileSystemError) -> FileProperties?

  /// Gives it other permissions or extended attributes. What keeps none stays as it is.
  ///
  /// - Parameter change: what they become. It may be called twice.
  func changeProperties(_ change: PropertyChange) throws(FileSystemError)
}

/// What properties of a file or a folder become.
typealias PropertyChange = (FileProperties) throws(FileSystemError) -> FileProperties

extension TreeEntry {
  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {}

  func extendedAttributeNames() throws(FileSystemError) -> [String] { [] }

  func extendedAttribute(_ name: String) throws(FileSystemError) -> String? { nil }

  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    throw FileSystemError(.readOnlyFile)
  }

  /// Links have the time at which they were made; nobody is told that it was not changed, as with chmod.
  func setModified(_ time: Int64) throws(FileSystemError) {}

  func properties() throws(FileSystemError) -> FileProperties? { nil }

  /// Nobody is told that the permissions of weights, links and models stay.
  func changeProperties(_ change: PropertyChange) throws(FileSystemError) {}
}

/// A folder. What it does not allow answers with `EPERM`.
protocol TreeFolder: TreeEntry {
  /// Path from the root of the mount.
  var path: String { get }

  /// The node called `name`; nil if there is none. Reads at most a manifest.
  func child(named name: String) throws(FileSystemError) -> Node?

  /// What `caller` finds under a name: as others do, but for the file that it is about to make.
  func child(named name: String, for caller: Caller) throws(FileSystemError) -> Node?

  /// Everything in it, in the order of a listing.
  func children() throws(FileSystemError) -> [(name: String, node: Node)]

  /// Where a file goes that is made here.
  func place(of name: String) throws(FileSystemError) -> FilePlace

  /// Makes a file and opens it, or opens the one that is there unless `isExclusive`.
  func create(
    _ name: String, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> (node: Node, file: OpenFile)

  /// - Parameter permissions: mode of the folder, without the kind.
  func makeDirectory(_ name: String, permissions: UInt32) throws(FileSystemError) -> Node

  func makeSymbolicLink(_ name: String, target: LinkTarget, by caller: Caller) throws(FileSystemError) -> Node

  /// Gives `source` another name, here: a copy that costs metadata only.
  func makeHardLink(
    to source: Node, named name: String, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Node

  func unlink(_ name: String, by caller: Caller) throws(FileSystemError)

  /// Removes the folder itself, if it is empty or may go with all that it holds.
  func remove(by caller: Caller) throws(FileSystemError)
}

extension TreeFolder {
  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile { throw FileSystemError(.isDirectory) }

  func child(named name: String, for caller: Caller) throws(FileSystemError) -> Node? { try child(named: name) }

  func place(of name: String) throws(FileSystemError) -> FilePlace {
    throw FileSystemError(
      .notPermitted,
      "\(path)/\(name): files can be made only in the folders of models and versions: mkdir -p MODEL/VERSION first")
  }

  func create(
    _ name: String, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> (node: Node, file: OpenFile) {
    try createPrivately(at: try place(of: name), access, isExclusive: isExclusive)
  }

  /// Makes a file that nobody else sees before it is closed.
  func createPrivately(
    at place: FilePlace, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> (node: Node, file: OpenFile) {
    let existing = try tree.node(at: place)
    if existing?.kind == .directory { throw FileSystemError(.isDirectory) }
    if isExclusive, existing != nil, try !tree.isPublishedWeights(place) { throw FileSystemError(.exists) }
    let writer = try tree.beginWriter(
      at: place, sharing: true, isReadable: access.reads, hasTruncated: existing != nil,
      properties: FileProperties(permissions: access.permissions))
    if existing == nil { try tree.additions.note(place, in: tree) }
    return (.staging(writer.number), tree.open(writer))
  }

  func makeDirectory(_ name: String, permissions: UInt32) throws(FileSystemError) -> Node {
    if try child(named: name) != nil { throw FileSystemError(.exists) }
    throw FileSystemError(.notPermitted, "\(path)/\(name): no folder can be made here")
  }

  func makeSymbolicLink(_ name: String, target: LinkTarget, by caller: Caller) throws(FileSystemError) -> Node {
    throw FileSystemError(
      .notPermitted, "\(name): symbolic links can be made only in the folders of models and versions")
  }

  func makeHardLink(
    to source: Node, named name: String, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Node {
    _ = try place(of: name)
    throw FileSystemError(.crossDevice)
  }

  func unlink(_ name: String, by caller: Caller) throws(FileSystemError) {
    if try child(named: name)?.kind == .directory { throw FileSystemError(.isDirectory) }
    _ = try place(of: name)
    throw FileSystemError(.notPermitted)
  }

  func remove(by caller: Caller) throws(FileSystemError) {
    throw FileSystemError(.notPermitted, "\(path) is always there")
  }
}

/// A symbolic link.
protocol TreeLink: TreeEntry {
  func target() throws(FileSystemError) -> LinkTarget
}

extension TreeLink {
  /// The kernel follows links, and opens none.
  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile { throw FileSystemError(.invalid) }
}
