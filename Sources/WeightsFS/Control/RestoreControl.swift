import WeightRegistry

/// `.control/restore`: `mamba/v1.0` brings that version back.
struct RestoreControl: ActingControl {
  let registry: WeightRegistry
  let last = LastReport()

  var name: String { "restore" }

  func act(
    _ text: String, by actor: Actor, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> String {
    let (model, version) = try RequestTarget(text).requireVersion()
    try registry.restore(model, version, by: actor)
    return "\(model)/\(version): restored\n"
  }
}
