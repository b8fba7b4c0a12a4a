/// How a model is handled: what was decided about it, else about all models of the store, else the defaults.
package struct ModelPolicies: Sendable, Hashable {
  /// What becomes of sidecars that are pickles and would do more than hold data (`training_args.bin`).
  package enum Pickles: String, Sendable, CaseIterable {
    /// They are listed and kept, and cannot be opened.
    case quarantine
    /// They can be opened like any file.
    case allow
  }

  /// Which versions' files must not change.
  package enum Frozen: String, Sendable, CaseIterable {
    case always
    /// Those that somebody has made active or given an alias, and those with a backup.
    case chosen
    case never
  }

  /// Which versions are compressed without anybody asking each time.
  package enum Compress: String, Sendable, CaseIterable {
    case no
    /// What removed versions and backups alone need.
    case removed
    /// Also what versions need that no link leads to.
    case inactive
  }

  private let values: [PolicyKey: String]

  /// - Parameters:
  ///   - own: what was decided about the model.
  ///   - storeWide: what was decided about all models.
  package init(_ own: PolicySettings = .init(), storeWide: PolicySettings = .init()) {
    values = storeWide.values.merging(own.values) { _, own in own }
  }

  /// The value of a policy as people write it.
  package subscript(key: PolicyKey) -> String { values[key] ?? key.defaultValue }

  /// How many versions a cleanup leaves that was not told; nil if it has to be told.
  package var keep: Int? { Int(self[.keep]) }
  /// Whether a version is validated, and has to pass, before it becomes active. Not asked of one that is imported as the
  /// active version: it is checked while it is read.
  package var validatesBeforeActivating: Bool { self[.validateBeforeActivate] == "yes" }
  /// The file of the public key that has to have signed what is pulled; nil for none.
  package var verifyingKeyPath: String? { self[.verifyBeforeActivate] == "off" ? nil : self[.verifyBeforeActivate] }
  package var pickles: Pickles { Pickles(rawValue: self[.pickles]) ?? .quarantine }
  package var frozen: Frozen { Frozen(rawValue: self[.frozen]) ?? .chosen }
  package var compress: Compress { Compress(rawValue: self[.compress]) ?? .no }
  /// The view that is exported if none is named.
  package var defaultFormat: String { self[.defaultFormat] }

  /// How long a removed version can be restored; nil for good.
  package func restorable(isCheckpoint: Bool) -> TimeSpan? {
    TimeSpan(self[isCheckpoint ? .restorableCheckpoints : .restorable])
  }
}
