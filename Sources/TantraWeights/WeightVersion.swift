import StoreRecords
import WeightRegistry

/// A version of a model, without its data.
public struct WeightVersion: Sendable, Hashable {
  /// Name of the model.
  public let model: String
  /// Name of the version.
  public let version: String
  /// Whether it is the one that the model's users get.
  public let isActive: Bool
  /// Whether it is a training checkpoint, which cleanup takes first.
  public let isCheckpoint: Bool
  /// Elements over all tensors.
  public let parameterCount: Int
  /// How many tensors it has.
  public let tensorCount: Int
  /// Bytes of `model.<format>` for each format in which a mount shows it.
  public let byteCounts: [String: Int]
  /// When it was published, in nanoseconds since 1970.
  public let published: Int64

  init(_ manifest: Manifest, in records: RecordStore) {
    model = manifest.model.text
    version = manifest.version.text
    isActive = records.activeVersion(of: manifest.model) == manifest.version
    isCheckpoint = records.isCheckpoint(manifest.model, manifest.version)
    parameterCount = manifest.main?.parameterCount ?? 0
    tensorCount = manifest.main?.tensorCount ?? 0
    byteCounts = manifest.main?.views ?? [:]
    published = manifest.published
  }
}

/// One change of a model's active version.
public struct VersionSwitch: Sendable, Hashable {
  /// When, in nanoseconds since 1970.
  public let time: Int64
  /// The user who asked for it.
  public let uid: UInt32
  /// The process that asked for it.
  public let pid: Int32
  /// The version that was active before; nil for a model's first one.
  public let from: String?
  /// The version that was active from then on.
  public let to: String
  /// Whether it took an earlier switch back.
  public let isRollback: Bool

  init(_ change: ActiveSwitch) {
    time = change.time
    uid = change.actor.uid
    pid = change.actor.pid
    from = change.from?.text
    to = change.to.text
    isRollback = change.isRollback
  }
}

/// What a validation found.
public struct WeightValidation: Sendable, Hashable {
  /// One thing that was looked at.
  public struct Check: Sendable, Hashable {
    /// What became of it.
    public enum Outcome: Sendable { case passed, skipped, failed }
    /// `blobs`, `model.pt`, `shapes`.
    public let name: String
    /// What became of it.
    public let outcome: Outcome
    /// What was found; damage is named by tensor.
    public let details: [String]
  }

  /// What was looked at, in order.
  public let checks: [Check]
  /// Whether no check failed.
  public let isValid: Bool
  /// The same as a table for people.
  public let text: String

  init(_ report: ValidationReport) {
    isValid = report.isValid
    text = report.text
    checks = report.checks.map { check in
      let outcome: Check.Outcome =
        switch check.outcome {
        case .passed: .passed
        case .skipped: .skipped
        case .failed: .failed
        }
      return Check(name: check.name, outcome: outcome, details: check.details)
    }
  }
}

/// What a purge did.
public struct PurgeResult: Sendable, Hashable {
  /// Removed versions that can no longer be restored: `mamba/v1.1`.
  public let purged: [String]
  /// Bytes that are free now.
  public let freedBytes: Int

  init(_ report: PurgeReport) {
    purged = report.purged
    freedBytes = report.freedBytes
  }
}
