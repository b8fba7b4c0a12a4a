import WeightRegistry

/// `.control/cleanup`: `mamba 3` removes versions of mamba until 3 remain.
struct CleanupControl: ControlFile {
  let registry: WeightRegistry
  private let last = LastReport()

  init(registry: WeightRegistry) { self.registry = registry }

  var name: String { "cleanup" }
  var acceptsRequests: Bool { true }

  func contents() throws(FileSystemError) -> [UInt8] { last.contents }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    let actor = Actor(uid: caller.uid, pid: caller.pid)
    do throws(RegistryError) {
      let parts = text.split(whereSeparator: \.isWhitespace)
      guard parts.count == 2, let keep = Int(parts[1]) else {
        throw RegistryError(.invalidName, "expected MODEL and the number of versions to keep, found \"\(text)\"")
      }
      let model = try ModelName(validating: parts[0])
      let removed = try registry.cleanup(model, keep: keep, by: actor)
      let report = removed.isEmpty ? "nothing to remove\n" : removed.map { "removed \(model)/\($0)\n" }.joined()
      return last.keep(Array(report.utf8), target: text, caller: caller)
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
  }
}
