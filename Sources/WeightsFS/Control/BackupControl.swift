import WeightRegistry

/// `.control/backup`: `mamba/v1.0` pins that version.
struct BackupControl: ActingControl {
  let registry: WeightRegistry
  let last = LastReport()

  var name: String { "backup" }

  func act(
    _ text: String, by actor: Actor, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> String {
    let (model, version) = try RequestTarget(text).requireVersion()
    let record = try registry.backup(model, version, by: actor)
    return "\(model)/\(version): pinned as backup \(record.number)\n"
  }
}
