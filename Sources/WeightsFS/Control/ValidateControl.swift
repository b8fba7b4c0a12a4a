import WeightRegistry

/// `.control/validate`: checks a version, a model's versions or all; the write fails with `EBADMSG` if damage is found.
struct ValidateControl: ControlFile {
  let registry: WeightRegistry
  private let last = LastReport()

  init(registry: WeightRegistry) { self.registry = registry }

  var name: String { "validate" }
  var acceptsRequests: Bool { true }

  func contents() throws(FileSystemError) -> [UInt8] { last.contents }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    var reports: [ValidationReport] = []
    do throws(RegistryError) {
      for (model, version) in try versions(in: try RequestTarget(text)) {
        reports.append(try registry.validate(model, version) { _, _, _ in !isInterrupted() })
      }
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
    let report = last.keep(Array(reports.map(\.text).joined().utf8), target: text, caller: caller)
    let invalid = reports.filter { !$0.isValid }
    guard invalid.isEmpty else {
      let names = invalid.map { "\($0.model)/\($0.version)" }.joined(separator: ", ")
      throw ControlFailure(FileSystemError(.badMessage, "validation failed: \(names)"), report: report)
    }
    return report
  }

  private func versions(in target: RequestTarget) throws(RegistryError) -> [(ModelName, VersionName)] {
    switch target {
    case .version(let model, let version): return [(model, version)]
    case .model(let model): return try registry.versions(of: model).map { (model, $0) }
    case .all:
      var all: [(ModelName, VersionName)] = []
      for model in registry.models { all += try registry.versions(of: model).map { (model, $0) } }
      return all
    }
  }
}
