import WeightRegistry

/// `.control/active`: `mamba/v1.1` makes that version active, `mamba previous` takes the last switch back; reads as a line
/// for each model.
struct ActiveControl: ControlFile {
  let registry: WeightRegistry

  var name: String { "active" }
  var acceptsRequests: Bool { true }

  func contents() throws(FileSystemError) -> [UInt8] {
    let lines = registry.models.compactMap { model in registry.activeVersion(of: model).map { "\(model)/\($0)\n" } }
    return Array(lines.joined().utf8)
  }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    let actor = Actor(uid: caller.uid, pid: caller.pid)
    do throws(StoreError) {
      if text.hasSuffix(" previous") {
        let model = try ModelName(validating: text.dropLast(9))
        let change = try registry.rollback(model, by: actor) { _, _, _ in !isInterrupted() }
        return Array("\(model): \(change.from.map { "\($0) -> " } ?? "")\(change.to)\n".utf8)
      }
      guard case .version(let model, let version) = try RequestTarget(text) else {
        throw StoreError(.invalidName, "expected MODEL/VERSION, found \"\(text)\"")
      }
      let before = try registry.setActive(model, version, by: actor) { _, _, _ in !isInterrupted() }
      return Array("\(model): \(before.map { "\($0) -> " } ?? "")\(version)\n".utf8)
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
  }
}
