import Glibc
import Logging
import StoreRecords
import Tensors
import WeightFormats

/// Makes the manifest of a version from what is published under its name and the weight files that come: the one place.
///
/// It reads and compares tables, which may take a while, and so does its work before the model's records are locked. What it
/// was made from must still be published then.
struct ManifestBuilder {
  let records: RecordStore
  /// What is published; nil for a new version.
  let known: Manifest?
  /// Whether the weights differ from those that are published under the same names: then this is another edition.
  private(set) var isNewEdition = false
  /// Whether something that is published changes: a frozen version refuses that.
  private(set) var changesPublished = false
  private(set) var manifest: Manifest
  /// The table of the main state dict.
  private var main: Table?
  /// Whether there was another main state dict before.
  private var replacesMain = false
  private var paths: [String] = []
  private let refusing: Bool
  /// Where the weights came from.
  private let provenance: Manifest.Provenance

  /// - Parameters:
  ///   - source: where the weights came from, for a new version or edition.
  ///   - refusing: whether other weights than those that are published are refused, and make no edition.
  init(
    _ model: ModelName, _ version: VersionName, known: Manifest?, from source: String, refusing: Bool,
    in records: RecordStore
  ) throws(StoreError) {
    self.records = records
    self.known = known
    self.refusing = refusing
    provenance = .init(source: source, uid: getuid(), time: Timestamp.now())
    manifest =
      known ?? Manifest(model: model, version: version, main: nil, weights: [], provenance: provenance)
    if let known = known?.main { main = try records.table(known.table) }
  }

  /// Takes over a state dict that came.
  ///
  /// - Throws: `differentWeights` if that is refused.
  mutating func add(_ arrival: Arrival) throws(StoreError) {
    paths += arrival.weights.map(\.path)
    if let source = arrival.source, let contents = arrival.contents {
      try add(arrival, contents, asMain: source)
    } else {
      try replaceFiles(with: arrival)
    }
  }

  private mutating func add(
    _ arrival: Arrival, _ contents: Arrival.Contents, asMain source: Manifest.MainSource
  ) throws(StoreError) {
    guard let main, let current = manifest.mainSource else {
      put(arrival.weights)
      return becomeMain(contents)
    }
    let difference = StateDictDifference.first(main, contents.table)
    if source > current {
      // The main state dict stays. What comes is a part of it, or one more component.
      return try replaceFiles(with: arrival)
    }
    if source < current {
      let isTied = difference == nil && !StateDictDifference.haveSameNames(main, contents.table)
      put(arrival.weights)
      if difference != nil || isTied {
        changesPublished = changesPublished || known != nil
        becomeMain(contents)
      }
      return
    }
    if let difference {
      try beginEdition(difference)
      manifest.weights.removeAll { $0.viewName != nil }
      put(arrival.weights)
      return becomeMain(contents)
    }
    put(arrival.weights)
  }

  /// Adds files that do not touch the main state dict. What is published under their names gives way.
  private mutating func replaceFiles(with arrival: Arrival) throws(StoreError) {
    for file in arrival.files {
      let path = file.record.path
      guard let earlier = manifest.weightFile(path), earlier.blob != file.record.blob else { continue }
      guard let known = earlier.table, let new = file.table else {
        try beginEdition("\(path) has other bytes")
        // What the main state dict was read from holds none any more.
        if manifest.mainSource == .gguf, path == FilePurpose.ggufName {
          (main, manifest.main) = (nil, nil)
        }
        continue
      }
      if let difference = StateDictDifference.first(try records.table(known), new) {
        try beginEdition(difference)
      }
    }
    put(arrival.weights)
  }

  /// - Throws: `differentWeights`, naming the first tensor that differs.
  private mutating func beginEdition(_ difference: String) throws(StoreError) {
    if refusing {
      throw StoreError(
        .differentWeights,
        "\(manifest.model)/\(manifest.version) is published with other weights (\(difference)); "
          + "a published state dict never changes: import this file as a new version")
    }
    isNewEdition = known != nil
    changesPublished = changesPublished || known != nil
    manifest.provenance = provenance
  }

  private mutating func put(_ files: [WeightRecord]) {
    for file in files {
      if let earlier = known?.weightFile(file.path), earlier.blob != file.blob { changesPublished = true }
      manifest.put(file)
    }
  }

  private mutating func becomeMain(_ contents: Arrival.Contents) {
    let table = contents.table
    replacesMain = main != nil
    main = table
    manifest.main = .init(
      table: contents.digest, packs: table.packs.map(\.blob), tensorCount: table.stateDict.tensors.count,
      parameterCount: table.stateDict.parameterCount)
  }

  /// Measures the views. Called when everything has been added.
  mutating func finish() {
    let sizes = sizes
    manifest.main?.views = sizes
  }

  /// Whether formats that somebody has removed appear again: with other weights, and with the first file after all were removed.
  private func showsAllViews(of before: VersionFolder) -> Bool {
    if replacesMain { return true }
    guard paths.contains(where: { FilePurpose.view(named: $0) != nil }) else { return false }
    return WeightFormatCatalogue.views.allSatisfy { before.hides($0.fileName) }
  }

  /// What the version's folder becomes; a draft's files become part of the version.
  func folder(_ before: VersionFolder) -> VersionFolder {
    var folder = before
    if isNewEdition { folder.beginEdition(with: manifest) } else { folder.replaceManifest(with: manifest) }
    for path in paths {
      // What was kept, or lay there as an ordinary file, under the name of a weight file is that file now.
      if folder.file(at: path) != nil { folder.apply(.remove(path)) }
      folder.apply(.show(path))
    }
    if showsAllViews(of: before) {
      for view in WeightFormatCatalogue.views { folder.apply(.show(view.fileName)) }
    }
    return folder
  }

  /// Size of each view that can hold the weights.
  private var sizes: [String: Int] {
    guard let main else { return [:] }
    var sizes: [String: Int] = [:]
    // Views of one format have one size.
    var synthesized: [String: Int] = [:]
    for view in WeightFormatCatalogue.views {
      if let original = manifest.original(servedAs: view.name) {
        sizes[view.name] = original.byteCount
        continue
      }
      do throws(FormatError) {
        let format = view.format
        if synthesized[format.name] == nil { synthesized[format.name] = try format.byteCount(of: main.stateDict) }
        sizes[view.name] = synthesized[format.name]
      } catch {
        records.logger.warning("\(manifest.model)/\(manifest.version) has no \(view.fileName): \(error.message)")
      }
    }
    return sizes
  }
}
