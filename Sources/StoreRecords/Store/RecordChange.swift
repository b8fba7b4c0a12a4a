/// A change of the records that somebody may have to be told of.
package enum RecordChange: Sendable, Hashable {
  /// A version has come, or some of its files have, or have gone: their paths, if it is only them.
  case published(ModelName, VersionName, paths: [String]?)
  /// A version has been published as a whole once more, and these files of it are others now, or gone.
  case replaced(ModelName, VersionName, paths: [String])
  case removed(ModelName, VersionName, paths: [String])
  /// What links of the model lead to.
  case links(ModelName)
  /// How models are handled.
  case policies
}
