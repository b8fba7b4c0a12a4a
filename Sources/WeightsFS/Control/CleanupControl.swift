import WeightRegistry

/// `.control/cleanup`: `mamba 3` removes versions of mamba until 3 remain; `mamba` until as many do as its policy says.
struct CleanupControl: ActingControl {
  let registry: WeightRegistry
  let last = LastReport()

  var name: String { "cleanup" }

  func act(
    _ text: String, by actor: Actor, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> String {
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard [1, 2].contains(parts.count), parts.count == 1 || Int(parts[1]) != nil else {
      throw StoreError(.invalidName, "expected MODEL and the number of versions to keep, found \"\(text)\"")
    }
    let keep = parts.count == 2 ? Int(parts[1]) : nil
    let model = try ModelName(validating: parts[0])
    let removed = try registry.cleanup(model, keep: keep, by: actor, isInterrupted: isInterrupted)
    return removed.isEmpty ? "nothing to remove\n" : removed.map { "removed \(model)/\($0)\n" }.joined()
  }
}
