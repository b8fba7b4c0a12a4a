import Synchronization

/// What the versions of a model show, added up.
package struct ModelFigures: Sendable, Hashable {
  package var versions = 0
  /// Files that are shown.
  package var files = 0
  /// Bytes of those files.
  package var presentedBytes = 0
  /// Files that were removed from their folders and come back with a restore.
  package var hiddenFiles = 0

  static func + (a: ModelFigures, b: ModelFigures) -> ModelFigures {
    ModelFigures(
      versions: a.versions + b.versions, files: a.files + b.files,
      presentedBytes: a.presentedBytes + b.presentedBytes, hiddenFiles: a.hiddenFiles + b.hiddenFiles)
  }
}

extension Manifest {
  /// What this version adds.
  var figures: ModelFigures {
    var figures = ModelFigures(versions: 1)
    let files =
      views.map { ("model.\($0.key)", $0.value) } + sidecars.map { ($0.path, $0.byteCount) }
      + (parts ?? []).map { ($0.view, $0.byteCount) }
    for (path, byteCount) in files {
      if hides(path) {
        figures.hiddenFiles += 1
      } else {
        figures.files += 1
        figures.presentedBytes += byteCount
      }
    }
    return figures
  }
}

extension WeightRegistry {
  /// What the versions of a model show. The index answers for folders that it knows as they are; of others every manifest is
  /// read, once until one changes.
  package func figures(of model: ModelName) throws(RegistryError) -> ModelFigures {
    let (known, generation) = state.withLock { ($0.figures[model], $0.generation) }
    if let known { return known }
    var figures: ModelFigures
    if let indexed = try index.figures(of: model) {
      figures = indexed
    } else {
      figures = ModelFigures()
      for version in try listing(of: model).keys { figures = figures + (try manifest(of: model, version).figures) }
    }
    state.withLock { state in
      if state.generation == generation { state.figures[model] = figures }
    }
    return figures
  }
}
