import WeightRegistry

/// `.control/cleanup`: `mamba 3` removes versions of mamba until 3 remain.
struct CleanupControl: ActingControl {
  let registry: WeightRegistry
  let last = LastReport()

  var name: String { "cleanup" }

  func act(_ text: String, by actor: Actor) throws(RegistryError) -> String {
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard parts.count == 2, let keep = Int(parts[1]) else {
      throw RegistryError(.invalidName, "expected MODEL and the number of versions to keep, found \"\(text)\"")
    }
    let model = try ModelName(validating: parts[0])
    let removed = try registry.cleanup(model, keep: keep, by: actor)
    return removed.isEmpty ? "nothing to remove\n" : removed.map { "removed \(model)/\($0)\n" }.joined()
  }
}
