import WeightRegistry

/// `.control/purge`: `all`, `mamba` or `mamba/v1.0`, and perhaps a number of seconds: forgets versions that were removed
/// at least that long ago, and frees what nothing needs.
struct PurgeControl: ControlFile {
  let registry: WeightRegistry
  private let last = LastReport()

  init(registry: WeightRegistry) { self.registry = registry }

  var name: String { "purge" }
  var acceptsRequests: Bool { true }

  func contents() throws(FileSystemError) -> [UInt8] { last.contents }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    let actor = Actor(uid: caller.uid, pid: caller.pid)
    do throws(RegistryError) {
      let parts = text.split(whereSeparator: \.isWhitespace)
      guard let first = parts.first, parts.count <= 2, let seconds = parts.count == 2 ? Int64(parts[1]) : 0,
        seconds >= 0,
        seconds < Int64.max / 1_000_000_000
      else { throw RegistryError(.invalidName, "expected a target and perhaps an age in seconds, found \"\(text)\"") }
      let target = try RequestTarget(String(first))
      let report = try registry.purge(target.model, target.version, olderThan: seconds * 1_000_000_000, by: actor)
      return last.keep(Array(report.text.utf8), target: text, caller: caller)
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
  }
}
