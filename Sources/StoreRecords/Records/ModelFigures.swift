/// What the versions of a model show, added up.
package struct ModelFigures: Sendable, Hashable {
  package var versions = 0
  /// Versions of which nothing else is counted, because their records are damaged.
  package var unreadable = 0
  /// Files that are shown.
  package var files = 0
  /// Bytes of those files.
  package var presentedBytes = 0
  /// Files that were removed from their folders and come back with a restore.
  package var hiddenFiles = 0

  package init(versions: Int = 0, files: Int = 0, presentedBytes: Int = 0, hiddenFiles: Int = 0) {
    self.versions = versions
    self.files = files
    self.presentedBytes = presentedBytes
    self.hiddenFiles = hiddenFiles
  }

  /// What records say may be anything: sums wrap around.
  package static func + (a: ModelFigures, b: ModelFigures) -> ModelFigures {
    var sum = ModelFigures(
      versions: a.versions &+ b.versions, files: a.files &+ b.files,
      presentedBytes: a.presentedBytes &+ b.presentedBytes, hiddenFiles: a.hiddenFiles &+ b.hiddenFiles)
    sum.unreadable = a.unreadable &+ b.unreadable
    return sum
  }
}

extension Manifest {
  /// What this version adds.
  package var figures: ModelFigures { VersionFolder(self).figures }
}
