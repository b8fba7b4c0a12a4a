/// What a ``RecordStore`` remembers of its records: a value, which it guards by a mutex.
struct RecordMemory: Sendable {
  struct Key: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
  }

  /// `weight_config.json`.
  var config: WeightConfig
  var listings: VersionListings
  private(set) var folders: [Key: LoadedFolder] = [:]
  var figures: [ModelName: ModelFigures] = [:]
  /// Rises with every change, so that what is derived can tell whether it is stale.
  var generation: UInt64 = 0
  /// Rises with every change of what is stored and shown; what is active is none.
  var contents: UInt64 = 0
  /// Rises for each model with every change of its backups.
  private(set) var backupEditions: [ModelName: UInt64] = [:]

  private static let capacity = 4096

  init(config: WeightConfig, models: Set<ModelName>) {
    self.config = config
    listings = VersionListings(unlisted: models)
  }

  /// Takes over a folder that was read.
  mutating func remember(_ loaded: LoadedFolder) {
    if folders.count >= Self.capacity { folders.removeAll(keepingCapacity: true) }
    folders[Key(model: loaded.folder.model, version: loaded.folder.version)] = loaded
  }

  /// Takes over that a folder has changed; nil for one that is gone.
  mutating func change(_ model: ModelName, _ version: VersionName, to loaded: LoadedFolder?) {
    folders[Key(model: model, version: version)] = loaded
    noteChange(of: model)
  }

  /// Takes over that something of a model has changed.
  mutating func noteChange(of model: ModelName) {
    figures[model] = nil
    generation += 1
    contents += 1
  }

  mutating func noteBackup(of model: ModelName) { backupEditions[model, default: 0] += 1 }

  /// Lets what is known of a model's versions be read again.
  mutating func forget(_ model: ModelName) {
    noteChange(of: model)
    listings.forget(model)
    folders = folders.filter { $0.key.model != model }
  }

  /// Takes over everything as it was read anew.
  mutating func replace(with fresh: RecordMemory) {
    let (generation, contents) = (generation + 1, contents + 1)
    self = fresh
    (self.generation, self.contents) = (generation, contents)
  }
}
