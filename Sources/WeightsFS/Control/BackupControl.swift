import WeightRegistry

/// `.control/backup`: `mamba/v1.0` pins that version.
struct BackupControl: ControlFile {
  let registry: WeightRegistry
  private let last = LastReport()

  init(registry: WeightRegistry) { self.registry = registry }

  var name: String { "backup" }
  var acceptsRequests: Bool { true }

  func contents() throws(FileSystemError) -> [UInt8] { last.contents }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    let actor = Actor(uid: caller.uid, pid: caller.pid)
    do throws(RegistryError) {
      let (model, version) = try RequestTarget(text).requireVersion()
      let record = try registry.backup(model, version, by: actor)
      return last.keep(
        Array("\(model)/\(version): pinned as backup \(record.number)\n".utf8), target: text, caller: caller)
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
  }
}
