import BlobStore
import StoreRecords
import Tensors
import WeightFormats

/// A version's record as it came from a remote, checked against the artifact that it came with. What it says of itself is not
/// believed: whatever a later step relies on is compared here or when its blobs are there.
struct ArrivingVersion: Sendable {
  /// Under the name that it is to have here.
  let manifest: Manifest
  private let name: String

  /// - Parameters:
  ///   - record: the bytes of the record.
  ///   - names: what it is to be called here.
  ///   - name: names the artifact in messages.
  /// - Throws: `damaged`.
  init(
    _ artifact: Artifact, _ record: [UInt8], as names: (model: ModelName, version: VersionName), of name: String
  ) throws(StoreError) {
    var manifest = try Manifest.read(record, what: "\(name): the version's record")
    self.name = name
    guard manifest.model == artifact.model, manifest.version == artifact.version else {
      throw Self.fail(name, "its record is that of \(manifest.model)/\(manifest.version)")
    }
    (manifest.model, manifest.version) = names
    try manifest.checkConsistency()
    try Self.checkPaths(of: manifest, name)
    try Self.checkWeights(of: manifest, name)
    manifest.earlier = nil
    // Times of folders travel; what else somebody says of folders does not.
    manifest.folderTimes = manifest.folderTimes?.filter { time in
      time.path.isEmpty || FilePurpose.problem(ofPath: time.path) == nil
    }.map { .init(path: $0.path, status: FolderStatus(modified: $0.status.modified)) }
    for index in manifest.files.indices { manifest.files[index].properties.permissions &= 0o777 }
    self.manifest = manifest
  }

  private static func fail(_ name: String, _ what: String) -> StoreError {
    StoreError(.damaged, "\(name): it is damaged, or was tampered with: \(what)")
  }

  /// No two files may have one path, no file may be a folder, and no link may lead out of the version.
  private static func checkPaths(of manifest: Manifest, _ name: String) throws(StoreError) {
    var paths: Set<ExactName> = []
    for path in manifest.weights.map(\.path) + manifest.files.map(\.path) {
      guard paths.insert(ExactName(path)).inserted else {
        throw fail(name, "two files have the path \(path.debugDescription)")
      }
    }
    for path in paths {
      var folder = VersionFolder.split(path.wrappedValue).folder
      while !folder.isEmpty {
        if paths.contains(ExactName(folder)) {
          throw fail(name, "\(folder.debugDescription) is a file and a folder")
        }
        folder = VersionFolder.split(folder).folder
      }
    }
    for file in manifest.files {
      guard let link = file.link else { continue }
      guard leadsInside(link, from: file.path) else {
        throw fail(name, "the link \(file.path.debugDescription) leads out of the version, to \(link)")
      }
    }
  }

  /// Whether a relative path leads to something in the version, by its text.
  private static func leadsInside(_ link: LinkTarget, from path: String) -> Bool {
    guard let target = link.text, !target.hasPrefix("/") else { return false }
    var depth = path.utf8.count { $0 == UInt8(ascii: "/") }
    for part in target.split(separator: "/") {
      if part == ".." { depth -= 1 } else if part != "." { depth += 1 }
      if depth < 0 { return false }
    }
    return true
  }

  private static func checkWeights(of manifest: Manifest, _ name: String) throws(StoreError) {
    guard !manifest.weights.isEmpty || manifest.main != nil else { throw fail(name, "it has no weights") }
    for file in manifest.weights {
      // A view is served without another look at it: its bytes are parsed before the version is published.
      if let view = file.viewName, file.table == nil || manifest.main?.views[view] == nil {
        throw fail(name, "\(file.path) is not served as a view")
      }
      if file.table == nil, !file.packs.isEmpty { throw fail(name, "\(file.path) has packs, and no table") }
    }
  }

  // MARK: What is to be fetched

  /// The tables that it needs.
  func tables(in artifact: Artifact) throws(StoreError) -> [Fetching.Wanted] {
    var wanted: [Fetching.Wanted] = []
    for (digest, _) in manifest.tables where !wanted.contains(where: { $0.id == digest }) {
      guard let layer = artifact.tables[digest] else { throw Self.fail(name, "it lacks the table \(digest)") }
      wanted.append(.init(id: digest, blob: layer))
    }
    return wanted
  }

  /// The weights and the ordinary files that it needs.
  ///
  /// - Parameter table: reads a table, which is here by now.
  func contents(
    in artifact: Artifact, table read: (Digest) throws(StoreError) -> Table
  ) throws(StoreError) -> [Fetching.Wanted] {
    var segments: [Digest: SegmentTable?] = [:]
    // That of the main state dict may stand in the record twice.
    for (digest, packs) in manifest.tables + (manifest.main.map { [($0.table, $0.packs)] } ?? []) {
      let table = try read(digest)
      guard Set(table.packs.map(\.blob)) == Set(packs) else {
        throw Self.fail(name, "its record and the table \(digest) name other packs")
      }
      for pack in table.packs { segments[pack.blob] = pack.segments }
    }
    for file in manifest.weights where file.table == nil { segments[file.blob] = .some(segments[file.blob] ?? nil) }
    for blob in manifest.files.compactMap(\.blob) { segments[blob] = .some(segments[blob] ?? nil) }
    var wanted: [Fetching.Wanted] = []
    for (id, table) in segments.sorted(by: { $0.key < $1.key }) {
      guard let layer = artifact.contents[id] else { throw Self.fail(name, "it lacks the blob \(id)") }
      wanted.append(.init(id: id, blob: layer, table: table))
    }
    return wanted
  }
}

extension Manifest {
  /// Whether both hold the same bytes under the same names, whenever and by whom they were published.
  func holdsSame(as other: Manifest) -> Bool {
    func files(_ manifest: Manifest) -> [ExactName: [UInt8]] {
      let hidden = manifest.hidden ?? []
      var files: [ExactName: [UInt8]] = [:]
      for file in manifest.files where !hidden.contains(file.$path) {
        files[file.$path] = file.digest?.bytes ?? [0] + (file.link?.bytes ?? [])
      }
      return files
    }
    return holdsSameWeights(as: other) && files(self) == files(other)
  }

  /// As ``holdsSame(as:)``, of weight files alone.
  func holdsSameWeights(as other: Manifest) -> Bool {
    func files(_ manifest: Manifest) -> [ExactName: Digest] {
      Dictionary(manifest.weights.map { ($0.$path, $0.blob) }, uniquingKeysWith: { first, _ in first })
    }
    return main?.table == other.main?.table && files(self) == files(other)
  }
}
