package import StoreRecords

/// What people and programs ask of a store: a change, or a check.
///
/// A program writes it as JSON: `{"setActive":{"model":"mamba","version":"v1.1"}}`. What people write is read by
/// ``init(_:to:)``. Whichever way it comes, ``perform(on:by:progress:whenChecked:)`` carries it out.
package enum ControlRequest: Sendable, Hashable, Codable {
  case setActive(model: ModelName, version: VersionName)
  /// Takes the last switch back.
  case rollback(model: ModelName)
  /// nil keeps as many versions as the model's policy says.
  case cleanup(model: ModelName, keep: Int?)
  /// Gives a version another name: a link to it.
  case tag(model: ModelName, version: VersionName, name: VersionName)
  /// Takes a version, or a link, out of the tree; without a version: all of the model.
  case remove(model: ModelName, version: VersionName?)
  case backup(model: ModelName, version: VersionName)
  /// Without a number: what was removed last.
  case restore(model: ModelName, version: VersionName, number: Int? = nil)
  /// Without a version: all of the model; without a model: all models. The age is in seconds. With a number what is kept of a version
  /// under it, a backup, too.
  case purge(model: ModelName?, version: VersionName?, olderThan: Int64, number: Int? = nil)
  /// No model: for all models that decide nothing else themselves. No value takes the decision back.
  case setPolicy(model: ModelName?, key: PolicyKey, value: String?)
  /// Compresses what a version needs, as differences from a base if one is named; without a version: what the policies call cold, of a
  /// model or of all.
  case compress(model: ModelName?, version: VersionName?, base: String? = nil)
  /// Makes what a version needs plain files again; without a version: what all need, of a model or of all.
  case thaw(model: ModelName?, version: VersionName?)
  /// Without a version: all of the model; without a model: all models.
  case validate(model: ModelName?, version: VersionName?)
  /// Fetches a version from a remote, under other names if they are given. A folder is named by an absolute path.
  /// The key, as a PEM text, has to have signed it.
  case pull(
    remote: String, model: ModelName?, version: VersionName?, activating: Bool, plainHTTP: Bool? = nil,
    key: String? = nil)

  /// The control files that take requests, by their names.
  package enum Control: String, Sendable, CaseIterable {
    case active, backup, cleanup, compress, config, pull, purge, remove, restore, tag, thaw, validate
  }

  /// The control file that takes this request.
  package var control: Control {
    switch self {
    case .setActive, .rollback: .active
    case .tag: .tag
    case .remove: .remove
    case .cleanup: .cleanup
    case .backup: .backup
    case .restore: .restore
    case .purge: .purge
    case .setPolicy: .config
    case .compress: .compress
    case .thaw: .thaw
    case .validate: .validate
    case .pull: .pull
    }
  }

  /// Reads what was written to a control file: JSON if it begins with `{`, else what people write.
  ///
  /// - Throws: `invalidName`, with what was expected.
  package init(written text: String, to control: Control) throws(StoreError) {
    guard text.hasPrefix("{") else {
      try self.init(text, to: control)
      return
    }
    do throws(StoreError) {
      self = try StoreCoding.decode(Self.self, from: Array(text.utf8), what: "the request")
    } catch {
      throw StoreError(.invalidName, error.message)
    }
    guard self.control == control else {
      throw StoreError(.invalidName, "such a request is for .control/\(self.control.rawValue)")
    }
  }
}
