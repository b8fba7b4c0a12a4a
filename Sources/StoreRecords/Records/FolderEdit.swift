/// Changes of a folder that are applied together, and what they mean for others.
struct FolderEdit {
  private(set) var folder: VersionFolder
  /// Uploads that the folder names no more, and those that it names now.
  private(set) var droppedUploads: [String] = []
  private(set) var namedUploads: [String] = []
  /// Folders whose entries have changed.
  private var changedFolders: Set<ExactName> = []

  init(_ folder: VersionFolder) { self.folder = folder }

  mutating func apply(_ change: FolderChange) {
    if let old = folder.file(at: change.path)?.upload { droppedUploads.append(old) }
    let wasThere = folder.entry(at: change.path) != nil
    folder.apply(change)
    if wasThere != (folder.entry(at: change.path) != nil) { noteEntry(of: change) }
    if let new = folder.file(at: change.path)?.upload { namedUploads.append(new) }
  }

  private mutating func noteEntry(of change: FolderChange) {
    changedFolders.formUnion(change.paths.map { ExactName(VersionFolder.split($0).folder) })
    if case .makeFolder(let path) = change { changedFolders.insert(ExactName(path)) }
  }

  /// Gives the folders whose entries have changed a new mtime, in nanoseconds since 1970: the changes that say so. That of a
  /// model's own folder stands elsewhere.
  mutating func noteTimes(_ time: Int64) -> [FolderChange] {
    let isOwn = folder.version == .own
    let times = folder.timeChanges(of: isOwn ? changedFolders.subtracting([ExactName("")]) : changedFolders, to: time)
    for change in times { folder.apply(change) }
    return times
  }

  /// Whether a name has come into the folder itself, or has gone.
  var changesOwnEntries: Bool { changedFolders.contains(ExactName("")) }
}
