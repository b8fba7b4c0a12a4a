import WeightRegistry

/// `.control/purge`: `all`, `mamba` or `mamba/v1.0`, and perhaps a number of seconds: forgets versions that were removed at
/// least that long ago, and frees what nothing needs. A request that ends with ` json` gets its report as JSON.
struct PurgeControl: ActingControl {
  let registry: WeightRegistry
  let last = LastReport()

  var name: String { "purge" }

  func act(
    _ text: String, by actor: Actor, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> String {
    let wantsJSON = text.hasSuffix(" json")
    let parts = (wantsJSON ? text.dropLast(5) : text[...]).split(whereSeparator: \.isWhitespace)
    guard let first = parts.first, parts.count <= 2, let seconds = parts.count == 2 ? Int64(parts[1]) : 0, seconds >= 0,
      seconds < Int64.max / 1_000_000_000
    else { throw StoreError(.invalidName, "expected a target and perhaps an age in seconds, found \"\(text)\"") }
    let target = try RequestTarget(String(first))
    let report = try registry.purge(target.model, target.version, olderThan: seconds * 1_000_000_000, by: actor) {
      _, _, _ in
      !isInterrupted()
    }
    return wantsJSON ? String(decoding: try StoreCoding.encode(report, pretty: true), as: UTF8.self) : report.text
  }
}
