import WeightRegistry

/// `.control/restore`: `mamba/v1.0` brings that version back.
struct RestoreControl: ControlFile {
  let registry: WeightRegistry
  private let last = LastReport()

  init(registry: WeightRegistry) { self.registry = registry }

  var name: String { "restore" }
  var acceptsRequests: Bool { true }

  func contents() throws(FileSystemError) -> [UInt8] { last.contents }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    let actor = Actor(uid: caller.uid, pid: caller.pid)
    do throws(RegistryError) {
      let (model, version) = try RequestTarget(text).requireVersion()
      try registry.restore(model, version, by: actor)
      return last.keep(Array("\(model)/\(version): restored\n".utf8), target: text, caller: caller)
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
  }
}
