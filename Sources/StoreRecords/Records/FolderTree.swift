import HashTreeCollections

/// The folders of a version: which names lie in each, and what is kept of it.
struct FolderTree: Sendable {
  /// Names in each folder, by its path; "" is the version's own.
  private(set) var names: TreeDictionary<ExactName, TreeSet<ExactName>> = [ExactName(""): []]
  /// How many folders lie in each, where any do.
  private var subfolders: TreeDictionary<ExactName, Int> = [:]
  /// What is kept of folders, by path; the others have the usual permissions, and the time of the publication.
  var statuses: TreeDictionary<ExactName, FolderStatus> = [:]

  func contains(_ path: String) -> Bool { names[path] != nil }

  func isEmpty(_ path: String) -> Bool { names[path]?.isEmpty == true }

  /// The names in a folder, in order.
  func names(in folder: String) -> [String] { (names[folder] ?? []).sorted().map(\.wrappedValue) }

  /// The path of a folder or file, and those of all that lies in it; each folder before what lies in it.
  func paths(in folder: String) -> [String] {
    var found: [String] = []
    var left = [folder]
    while let path = left.popLast() {
      found.append(path)
      left += (names[path] ?? []).map { path + "/" + $0.wrappedValue }
    }
    return found
  }

  /// Folders in which nothing lies, by path.
  var empty: [String] {
    names.filter { $0.value.isEmpty }.map(\.key.wrappedValue).filter { !$0.isEmpty }.sorted()
  }

  /// How many folders lie in a folder.
  func subfolderCount(of folder: String, except hidden: TreeSet<ExactName>) -> Int {
    let hiddenCount = hidden.count {
      contains($0.wrappedValue) && ExactName(VersionFolder.split($0.wrappedValue).folder) == ExactName(folder)
    }
    return (subfolders[folder] ?? 0) - hiddenCount
  }

  mutating func add(_ folder: String) {
    guard names[folder] == nil else { return }
    names[folder] = []
    let parent = VersionFolder.split(folder).folder
    subfolders[parent] = (subfolders[parent] ?? 0) + 1
  }

  /// A name has come into its folder, which is made if it is missing.
  mutating func addName(_ path: String) {
    let (folder, name) = VersionFolder.split(path)
    add(folder)
    names[folder]?.insert(name)
  }

  /// A name is gone from its folder.
  mutating func removeName(_ path: String) {
    let (folder, name) = VersionFolder.split(path)
    names[folder]?.remove(name)
  }

  /// A folder is gone, and its name with it.
  mutating func remove(_ path: String) {
    names[path] = nil
    statuses[path] = nil
    subfolders[path] = nil
    removeName(path)
    recount(VersionFolder.split(path).folder)
  }

  /// A folder or a file has another path; what lies in it has not.
  mutating func move(_ old: ExactName, to new: ExactName) {
    statuses[new] = statuses.removeValue(forKey: old)
    if let inside = names.removeValue(forKey: old) { names[new] = inside.union(names[new] ?? []) }
    subfolders[old] = nil
  }

  /// Folders have come into a folder, or are gone from it.
  mutating func recount(_ folder: String) {
    let prefix = folder.isEmpty ? "" : folder + "/"
    let count = (names[folder] ?? []).count { names[prefix + $0.wrappedValue] != nil }
    subfolders[folder] = count == 0 ? nil : count
  }
}
