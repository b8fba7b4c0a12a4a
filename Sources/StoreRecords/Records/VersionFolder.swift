import HashTreeCollections
package import Tensors
import WeightFormats

/// A version's folder: what is published of it, and the files that lie in it. It knows what a name in it leads to and what may
/// become of it. A folder without a manifest is a draft.
package struct VersionFolder: Sendable {
  /// What a file's bytes are.
  package enum Content: Sendable, Hashable {
    /// A view of the main state dict, as the manifest has it.
    case view(String)
    /// A published weight file under a name of its own.
    case part(WeightRecord)
    /// Any other file.
    case file(FolderFile)
  }

  /// What a name leads to.
  package enum Entry: Sendable, Hashable {
    case content(Content)
    case folder
  }

  package let model: ModelName
  package let version: VersionName
  /// When the folder was made, in nanoseconds since 1970.
  package var made: Int64
  /// What is published; nil for a draft. Its list of ordinary files is empty here.
  package private(set) var manifest: Manifest?
  /// Ordinary files, and files that are kept, by path; hidden ones too.
  private var files: TreeDictionary<ExactName, FolderFile> = [:]
  /// What published files were before they were replaced last, by path: see ``Manifest/earlier``.
  private var earlier: TreeDictionary<ExactName, EarlierFile> = [:]
  /// Paths of files that are not shown.
  private var hidden: TreeSet<ExactName> = []
  private var tree = FolderTree()

  /// An empty draft.
  package init(model: ModelName, version: VersionName, made: Int64) {
    self.model = model
    self.version = version
    self.made = made
  }

  /// A published version.
  package init(_ manifest: Manifest) {
    self.init(model: manifest.model, version: manifest.version, made: manifest.published)
    replaceManifest(with: manifest)
    for file in manifest.files { put(file) }
    for folder in manifest.folders { addFolder(folder) }
    for path in manifest.hidden ?? [] { hidden.insert(path) }
    for folder in manifest.folderTimes ?? [] { tree.statuses[folder.path] = folder.status }
    for earlier in manifest.earlier ?? [] { self.earlier[earlier.file.$path] = earlier }
  }

  /// Exchanges what is published, its ordinary files left out: those here stay.
  package mutating func replaceManifest(with manifest: Manifest) {
    for part in self.manifest?.parts ?? [] { tree.removeName(part.path) }
    var manifest = manifest
    (manifest.files, manifest.folders, manifest.hidden) = ([], [], nil)
    (manifest.folderTimes, manifest.earlier) = (nil, nil)
    self.manifest = manifest
    for part in manifest.parts { addName(part.path, isHidden: hidden.contains(part.path)) }
  }

  /// Exchanges what is published for another edition: ordinary files belong to that from now on.
  package mutating func beginEdition(with manifest: Manifest) {
    replaceManifest(with: manifest)
    earlier = [:]
  }

  // MARK: What there is

  package var isPublished: Bool { manifest != nil }

  /// The file that is no view and no published weight file at a path, hidden or not.
  package func file(at path: String) -> FolderFile? { files[path] }

  /// How many such files there are.
  package var fileCount: Int { files.count }

  /// The ordinary files of the published version, hidden ones too, by path.
  package var publishedFiles: [FolderFile] {
    files.values.filter(Self.belongsToManifest).sorted { $0.path < $1.path }
  }

  /// The files that are kept until they become something else, by path.
  package var keptFiles: [FolderFile] {
    files.values.filter { !Self.belongsToManifest($0) }.sorted { $0.path < $1.path }
  }

  /// The file at a path; nil if there is none, or it was removed from the folder.
  package func content(at path: String) -> Content? {
    // A part that is being replaced is shown as its new self.
    if let file = files[path], !Self.belongsToManifest(file) { return .file(file) }
    if hidden.contains(path) { return nil }
    if let view = FilePurpose.view(named: path), manifest?.main?.views[view.name] != nil { return .view(view.name) }
    return files[path].map { .file($0) } ?? manifest?.weightFile(path).map { .part($0) }
  }

  /// What a path leads to.
  package func entry(at path: String) -> Entry? {
    if let content = content(at: path) { return .content(content) }
    return isFolder(path) ? .folder : nil
  }

  /// Whether there is a folder at a path; "" is the version's own.
  package func isFolder(_ path: String) -> Bool { tree.contains(path) && !hidden.contains(path) }

  /// What is kept of a folder itself.
  package func status(ofFolder path: String) -> FolderStatus {
    tree.statuses[path] ?? FolderStatus(modified: manifest?.published ?? made)
  }

  /// How many folders are shown in a folder.
  package func subfolderCount(of path: String) -> Int { tree.subfolderCount(of: path, except: hidden) }

  /// mtime of a folder, in nanoseconds since 1970.
  package func modified(ofFolder path: String) -> Int64 { status(ofFolder: path).modified }

  /// Whether the file at a path is a published weight file or a view.
  package func isPublishedWeights(_ path: String) -> Bool {
    switch content(at: path) {
    case .view, .part: true
    case .file, nil: false
    }
  }

  /// Whether the file at a path belongs to the published version, and not only to its folder.
  package func isPublished(_ path: String) -> Bool {
    guard manifest != nil, let content = content(at: path) else { return false }
    switch content {
    case .view, .part: return true
    case .file(let file): return Self.belongsToManifest(file)
    }
  }

  /// Paths of files, other than views, that are not what they were in an earlier state of the folder.
  func paths(changedSince earlier: VersionFolder?) -> [String] {
    let (old, new) = (earlier?.manifest?.parts ?? [], manifest?.parts ?? [])
    let parts = old.filter { !new.contains($0) } + new.filter { !old.contains($0) }
    var paths = Set(parts.map { ExactName($0.path) })
    if let earlier, earlier.isPublished {
      for (path, file) in earlier.files where files[path] != file { paths.insert(path) }
      for (path, file) in files where earlier.files[path] != file { paths.insert(path) }
    }
    return paths.sorted().map(\.wrappedValue)
  }

  /// Whether some ordinary file that another folder has published has other bytes here, or is gone.
  package func replacesFiles(of other: VersionFolder) -> Bool {
    guard other.isPublished else { return false }
    return other.files.contains { path, file in
      Self.belongsToManifest(file) && !other.hidden.contains(path) && files[path]?.content != file.content
    }
  }

  /// Names in a folder ("" is the version's own): views first, then others in order.
  package func children(of folder: String) -> [(name: String, entry: Entry)] {
    let prefix = folder.isEmpty ? "" : folder + "/"
    var children: [(name: String, entry: Entry)] = []
    if folder.isEmpty, let views = manifest?.main?.views {
      for view in FilePurpose.views
      where views[view.name] != nil && !hidden.contains(view.fileName) && files[view.fileName] == nil {
        children.append((view.fileName, .content(.view(view.name))))
      }
    }
    for name in tree.names(in: folder) {
      if let entry = entry(at: prefix + name) { children.append((name, entry)) }
    }
    return children
  }

  /// The path of a folder or file, and those of all that lies in it, hidden or not.
  package func paths(in folder: String) -> [String] { tree.paths(in: folder) }

  /// Whether the folder shows nothing.
  package func isEmpty(_ folder: String = "") -> Bool { children(of: folder).isEmpty }

  /// All files that are shown, with their sizes.
  package var shownFiles: [(path: String, byteCount: Int)] {
    let views = (manifest?.main?.views ?? [:]).map { ("model.\($0.key)", $0.value) }
    let parts = (manifest?.parts ?? []).map { ($0.path, $0.byteCount) }
    return ((views + parts).filter { files[$0.0] == nil } + files.values.map { ($0.path, $0.byteCount) }).filter {
      content(at: $0.0) != nil
    }
  }

  /// What the version adds to its model's figures.
  package var figures: ModelFigures {
    let shown = shownFiles
    return ModelFigures(
      versions: 1, files: shown.count, presentedBytes: shown.reduce(0) { $0 &+ $1.byteCount },
      hiddenFiles: hidden.count { !tree.contains($0.wrappedValue) })
  }

  /// Whether the file at a path was removed from the folder and comes back with a restore.
  package func hides(_ path: String) -> Bool { hidden.contains(path) }

  /// Names in the staging folder that must stay.
  package var uploads: [String] { files.values.compactMap(\.upload) }

  /// Every blob that the version needs.
  package var blobs: Set<Digest> {
    (Array(files.values) + earlier.values.map(\.file)).reduce(into: manifest?.blobs ?? []) { $0.formUnion($1.blobs) }
  }

  /// The manifest with everything that belongs to the version, as it would be written now.
  package var completeManifest: Manifest? {
    guard var manifest else { return nil }
    manifest.files = publishedFiles
    manifest.folders = tree.empty
    manifest.hidden = hidden.isEmpty ? nil : Set(hidden)
    manifest.folderTimes = tree.statuses.isEmpty ? nil : folderTimes
    manifest.earlier = earlier.isEmpty ? nil : earlier.values.sorted { $0.file.path < $1.file.path }
    return manifest
  }

  /// The published edition by itself, as a restore brings it back.
  ///
  /// - Parameter time: when other weights were written, in nanoseconds since 1970: what their writer has replaced before is
  ///   as it was; nil if it is not replaced by other weights.
  package func edition(replacedAt time: Int64?) -> Manifest? {
    guard var manifest = completeManifest else { return nil }
    if let time {
      let recent = EarlierFile.recent(among: earlier.values, since: manifest.published, now: time).map(\.file)
      let paths = Set(recent.map(\.$path))
      manifest.files = (manifest.files.filter { !paths.contains($0.$path) } + recent).sorted { $0.path < $1.path }
    }
    (manifest.hidden, manifest.earlier) = (nil, nil)
    return manifest
  }

  /// What ``completeManifest`` leaves out: changes that bring it back.
  var remainder: [FolderChange] {
    keptFiles.map { .put($0) }
  }

  /// The changes that make an empty draft this one.
  var changesFromEmpty: [FolderChange] {
    tree.empty.map { .makeFolder($0) } + files.values.sorted { $0.path < $1.path }.map { .put($0) }
      + folderTimes.map { .setFolder($0.path, $0.status) }
  }

  private var folderTimes: [Manifest.FolderTime] {
    tree.statuses.sorted { $0.key < $1.key }.map { .init(path: $0.key.wrappedValue, status: $0.value) }
  }

  private static func belongsToManifest(_ file: FolderFile) -> Bool {
    file.isSettled && !FilePurpose(file.path).isKept
  }

  /// The same under another name.
  package func renamed(_ model: ModelName, _ version: VersionName) -> VersionFolder {
    var folder = VersionFolder(model: model, version: version, made: made)
    folder.files = files
    folder.earlier = earlier
    folder.hidden = hidden
    folder.tree = tree
    folder.manifest = manifest
    folder.manifest?.model = model
    folder.manifest?.version = version
    return folder
  }

  // MARK: Changes

  /// Carries out a change. What cannot be, such as a removal of nothing, changes nothing.
  package mutating func apply(_ change: FolderChange) {
    switch change {
    case .put(let file): put(file)
    case .remove(let path):
      guard files.removeValue(forKey: ExactName(path)) != nil else { return }
      if manifest?.parts.contains(where: { $0.$path == ExactName(path) }) != true { tree.removeName(path) }
    case .hide(let path): hidden.insert(path)
    case .show(let path):
      hidden.remove(path)
      // The folders that it lies in may be hidden, too.
      if content(at: path) != nil { addFolder(Self.split(path).folder) }
    case .makeFolder(let path):
      if !tree.contains(path) { giveWay(at: path) }
      addFolder(path)
    case .removeFolder(let path):
      guard isFolder(path), isEmpty(path), !path.isEmpty else { return }
      if tree.isEmpty(path) {
        tree.remove(path)
      } else {
        // The files that are left in it are hidden, and so is the folder.
        hidden.insert(path)
      }
    case .moveFolder(let move): moveFolder(move)
    case .setModified(let path, let time, let changed):
      if files[path] != nil {
        files[path] = files[path]?.moved(to: path, modified: time)
        files[path]?.properties.changed = changed
      } else if let view = FilePurpose.view(named: path) {
        manifest?.setModified(time, ofView: view.name)
      } else if var part = manifest?.weightFile(path), var manifest {
        part.modified = time
        manifest.weights = manifest.weights.map { $0.$path == part.$path ? part : $0 }
        self.manifest = manifest
      } else if tree.contains(path) {
        tree.statuses[path] = status(ofFolder: path).with(modified: time, changed: changed)
      }
    case .setFolder(let path, let status):
      if tree.contains(path) { tree.statuses[path] = status }
    }
  }

  /// Folders that do not show the same names as in another state of this one.
  func foldersWithOtherNames(than other: VersionFolder) -> Set<ExactName> {
    Set(tree.names.keys).union(other.tree.names.keys).filter { folder in
      let path = folder.wrappedValue
      return !children(of: path).elementsEqual(other.children(of: path)) { ExactName($0.name) == ExactName($1.name) }
    }
  }

  /// The changes that give folders another mtime.
  func timeChanges(of folders: Set<ExactName>, to time: Int64) -> [FolderChange] {
    folders.map(\.wrappedValue).filter { isFolder($0) }.sorted().map { .setModified($0, time) }
  }

  private mutating func put(_ file: FolderFile) {
    if let known = earlier[file.path], known.file.content == file.content {
      earlier[file.path] = nil
    } else if manifest != nil, let old = files[file.path], Self.belongsToManifest(old), old.content != file.content {
      earlier[file.path] = EarlierFile(file: old, replaced: file.modified)
    }
    if tree.contains(file.path) { giveWay(at: file.path) }
    files[file.path] = file
    if Self.belongsToManifest(file) { hidden.remove(file.path) }
    addName(file.path)
  }

  /// What is hidden at a path, and in it, goes for good: something of another kind comes to lie there.
  private mutating func giveWay(at path: String) {
    guard hidden.contains(path) else { return }
    let gone = Set(tree.paths(in: path).map { ExactName($0) })
    hidden.subtract(gone)
    for path in gone { files[path] = nil }
    for path in gone { tree.remove(path.wrappedValue) }
    manifest?.weights.removeAll { gone.contains($0.$path) }
  }

  /// What is hidden where something comes to lie gives way to it.
  private mutating func moveFolder(_ move: FolderMove) {
    guard isFolder(move.from), !move.isIntoItself, entry(at: move.to) == nil || isFolder(move.to) && isEmpty(move.to)
    else { return }
    var replaced: Set<ExactName> = []
    for path in paths(in: move.from) {
      guard let newPath = move.path(of: path) else { continue }
      let (old, new) = (ExactName(path), ExactName(newPath))
      replaced.insert(new)
      if hidden.remove(old) != nil { hidden.insert(new) } else { hidden.remove(new) }
      files[new] = files.removeValue(forKey: old)?.moved(to: newPath)
      earlier[new] = earlier.removeValue(forKey: old)?.moved(to: newPath)
      tree.move(old, to: new)
    }
    manifest?.move(move, over: replaced)
    tree.removeName(move.from)
    addName(move.to)
    for folder in tree.paths(in: move.to) + [move.from, move.to].map({ Self.split($0).folder }) { tree.recount(folder) }
  }

  /// Lets a name be listed in its folder. The folders that it lies in are there then, and shown.
  ///
  /// - Parameter isHidden: whether what has the name is hidden: then the folders that it lies in stay as they are.
  private mutating func addName(_ path: String, isHidden: Bool = false) {
    var path = path
    while !path.isEmpty {
      let folder = Self.split(path).folder
      let isDone = folder.isEmpty || (isHidden ? tree.contains(folder) : isFolder(folder))
      if !isHidden { hidden.remove(folder) }
      tree.addName(path)
      if isDone { return }
      path = folder
    }
  }

  private mutating func addFolder(_ path: String) {
    if path.isEmpty || isFolder(path) { return }
    hidden.remove(path)
    tree.add(path)
    addName(path)
  }
}

extension FilePurpose {
  /// All views, in the order of a listing.
  fileprivate static var views: [ViewFormat] { WeightFormatCatalogue.views }
}
