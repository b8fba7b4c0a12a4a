package import Tensors

/// One version of a model as it was published: `models/<model>/<version>.json`. Writing it is what publishes the version.
///
/// Ordinary files may change later; what has changed stands in the version's journal (``FolderJournal``) until the manifest is
/// written again.
package struct Manifest: Sendable, Hashable, Codable {
  /// The main state dict: what the views of the version hold.
  package struct MainStateDict: Sendable, Hashable, Codable {
    /// The table that rules the synthesized views.
    package var table: Digest
    /// All packs that the table names, so that nobody has to read it to know what it needs.
    package var packs: [Digest]
    package var tensorCount: Int
    package var parameterCount: Int
    /// Size of every view by name, written or synthesized; a format that cannot hold the weights is not listed.
    package var views: [String: Int]
    /// mtimes that synthesized views were given, by view; nil for none.
    package var viewTimes: [String: Int64]?

    package init(table: Digest, packs: [Digest], tensorCount: Int, parameterCount: Int, views: [String: Int] = [:]) {
      self.table = table
      self.packs = packs
      self.tensorCount = tensorCount
      self.parameterCount = parameterCount
      self.views = views
    }
  }

  /// What the main state dict was read from. The first that a version has rules.
  package enum MainSource: Int, Sendable, Comparable {
    /// `model.safetensors`, `model.pt` or `model.bin`.
    case view
    case shards
    /// `pytorch_model.bin`
    case fallback
    /// `model.gguf`
    case gguf

    /// What the state dict of a file is to the main state dict; nil for a component.
    package init?(_ path: String) {
      switch FilePurpose(path) {
      case .view: self = .view
      case .shard: self = .shards
      case .fallback: self = .fallback
      case .component where path == FilePurpose.ggufName: self = .gguf
      case .component, .temporary, .ordinary: return nil
      }
    }

    package static func < (a: MainSource, b: MainSource) -> Bool { a.rawValue < b.rawValue }
  }

  /// Where the weights came from.
  package struct Provenance: Sendable, Hashable, Codable {
    /// Base name of the imported file, or how it was made.
    package var source: String
    package var uid: UInt32
    /// Nanoseconds since 1970.
    package var time: Int64

    package init(source: String, uid: UInt32, time: Int64) {
      self.source = source
      self.uid = uid
      self.time = time
    }
  }

  /// What is kept of a folder itself.
  package struct FolderTime: Sendable, Hashable, Codable {
    /// Its path in the version; "" for the version's own folder.
    @ExactName package var path: String
    package var status: FolderStatus

    package init(path: String, status: FolderStatus) {
      self.path = path
      self.status = status
    }

    private enum CodingKeys: String, CodingKey { case path }

    package init(from decoder: any Decoder) throws {
      path = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .path)
      status = try FolderStatus(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(path, forKey: .path)
      try status.encode(to: encoder)
    }
  }

  package var model: ModelName
  package var version: VersionName
  /// Rises each time the manifest is written; names its journal.
  package var revision: Int
  /// nil if the version has components only.
  package var main: MainStateDict?
  /// Weight files that somebody wrote, in the order in which they came.
  package var weights: [WeightRecord]
  /// Ordinary files, by path.
  package var files: [FolderFile]
  /// Folders in which no file lies.
  package var folders: [String]
  /// Paths of files that were removed from the folder and come back when the version is restored; nil for none.
  package var hidden: Set<ExactName>?
  /// What is kept of folders whose entries, times, permissions or attributes have changed since the publication; nil for none.
  package var folderTimes: [FolderTime]?
  /// What ordinary files were that have been replaced since the weights were published. Nil for none.
  package var earlier: [EarlierFile]?
  package var provenance: Provenance

  package init(
    model: ModelName, version: VersionName, main: MainStateDict?, weights: [WeightRecord], provenance: Provenance
  ) {
    self.model = model
    self.version = version
    revision = 0
    self.main = main
    self.weights = weights
    files = []
    folders = []
    self.provenance = provenance
  }

  private enum CodingKeys: String, CodingKey {
    case model, version, revision, main, weights, files, folders, hidden, folderTimes, earlier, provenance
  }

  /// Reads a manifest of any format.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    guard container.contains(.weights) else {
      self = try LegacyManifest(from: decoder).manifest
      return
    }
    model = try container.decode(ModelName.self, forKey: .model)
    version = try container.decode(VersionName.self, forKey: .version)
    revision = try container.decode(Int.self, forKey: .revision)
    main = try container.decodeIfPresent(MainStateDict.self, forKey: .main)
    weights = try container.decode([WeightRecord].self, forKey: .weights)
    files = try container.decode([FolderFile].self, forKey: .files)
    folders = try container.decodeIfPresent([String].self, forKey: .folders) ?? []
    hidden = try container.decodeIfPresent(Set<ExactName>.self, forKey: .hidden)
    folderTimes = try container.decodeIfPresent([FolderTime].self, forKey: .folderTimes)
    earlier = try container.decodeIfPresent([EarlierFile].self, forKey: .earlier)
    provenance = try container.decode(Provenance.self, forKey: .provenance)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encode(version, forKey: .version)
    try container.encode(revision, forKey: .revision)
    try container.encodeIfPresent(main, forKey: .main)
    try container.encode(weights, forKey: .weights)
    try container.encode(files, forKey: .files)
    if !folders.isEmpty { try container.encode(folders, forKey: .folders) }
    try container.encodeIfPresent(hidden?.sorted(), forKey: .hidden)
    try container.encodeIfPresent(folderTimes, forKey: .folderTimes)
    try container.encodeIfPresent(earlier, forKey: .earlier)
    try container.encode(provenance, forKey: .provenance)
  }

  /// When the version was published, in nanoseconds since 1970: the mtime of its synthesized views.
  package var published: Int64 { provenance.time }

  /// Every blob that the version needs.
  package var blobs: Set<Digest> {
    var blobs = Set((files + (earlier ?? []).map(\.file)).flatMap(\.blobs) + weights.flatMap(\.blobs))
    if let main { blobs.formUnion([main.table] + main.packs) }
    return blobs
  }

  /// Whether two manifests present the same, whatever is hidden, and however often and whenever they were written.
  package func isOfSameContent(as other: Manifest) -> Bool {
    func normalized(_ manifest: Manifest) -> Manifest {
      var manifest = manifest
      (manifest.revision, manifest.hidden, manifest.folderTimes, manifest.earlier) = (0, nil, nil, nil)
      return manifest
    }
    return normalized(self) == normalized(other)
  }

  // MARK: Weights

  /// Bytes of each view.
  package var viewSizes: [Int] { (main?.views ?? [:]).values.map(\.self) }

  /// The weight file at a path, as somebody wrote it.
  package func weightFile(_ path: String) -> WeightRecord? { weights.first { $0.$path == ExactName(path) } }

  /// Adds a weight file, or replaces the one at its path.
  package mutating func put(_ file: WeightRecord) {
    weights.removeAll { $0.$path == file.$path }
    weights.append(file)
    main?.viewTimes?[file.viewName ?? ""] = nil
  }

  /// The weight file that is served as a view: as written, or by the sibling that shares its container.
  package func original(servedAs view: String) -> WeightRecord? {
    if let file = weights.first(where: { $0.viewName == view }) { return file }
    func isContainer(_ view: String) -> Bool { view == "pt" || view == "bin" }
    guard isContainer(view) else { return nil }
    return weights.first { $0.isPlain && $0.viewName.map(isContainer) == true }
  }

  /// What the bytes of a view depend on: the file that was written, or the table that rules the synthesis.
  package func content(of view: String) -> Digest? { original(servedAs: view)?.blob ?? main?.table }

  /// mtime of a view, in nanoseconds since 1970.
  package func modified(ofView view: String) -> Int64 {
    main?.viewTimes?[view] ?? original(servedAs: view)?.modified ?? published
  }

  /// Gives a view another mtime.
  mutating func setModified(_ time: Int64, ofView view: String) {
    if let index = weights.firstIndex(where: { $0.viewName == view }) {
      weights[index].modified = time
      main?.viewTimes?[view] = nil
    } else {
      var times = main?.viewTimes ?? [:]
      times[view] = time
      main?.viewTimes = times
    }
  }

  /// What the main state dict was read from; nil if there is none.
  package var mainSource: MainSource? {
    guard let main else { return nil }
    if weights.contains(where: { $0.viewName != nil }) { return .view }
    if weightFile(FilePurpose.fallbackName)?.table == main.table { return .fallback }
    if weightFile(FilePurpose.ggufName)?.table == main.table { return .gguf }
    return weights.contains { FilePurpose($0.path) == .shard } ? .shards : .view
  }

  /// Whether the file at a path was removed from the folder: nobody sees it, and a restore brings it back.
  package func hides(_ path: String) -> Bool { hidden?.contains(ExactName(path)) ?? false }

  /// Weight files that are shown under names of their own: not those of views.
  package var parts: [WeightRecord] { weights.filter { $0.viewName == nil } }

  /// Those of them that are no part of the main state dict.
  package var components: [WeightRecord] {
    let main = mainSource
    return parts.filter { file in
      guard file.table != nil, let source = MainSource(file.path) else { return true }
      return main.map { source > $0 } ?? true
    }
  }

  /// How much the version holds: the main state dict, and all components.
  package var counts: WeightRecord.Counts {
    var all = WeightRecord.Counts(tensorCount: main?.tensorCount ?? 0, parameterCount: main?.parameterCount ?? 0)
    for counts in components.compactMap(\.counts) {
      all.tensorCount += counts.tensorCount
      all.parameterCount += counts.parameterCount
    }
    return all
  }

  /// Every table that the version needs, and the packs that each may name.
  package var tables: [(table: Digest, packs: [Digest])] {
    var tables = weights.compactMap { file in file.table.map { ($0, file.packs) } }
    if let main, !tables.contains(where: { $0.0 == main.table }) { tables.append((main.table, main.packs)) }
    return tables
  }
}
