import WeightRegistry

/// `.control/validate`: checks a version, a model's versions or all; the write fails with `EBADMSG` if damage is found.
/// A request that ends with ` json` gets its report as JSON.
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
    let wantsJSON = text.hasSuffix(" json")
    let target = wantsJSON ? String(text.dropLast(5)) : text
    var reports: [ValidationReport] = []
    let report: [UInt8]
    do throws(StoreError) {
      for (model, version) in try versions(in: try RequestTarget(target)) {
        reports.append(try registry.validate(model, version) { _, _, _ in !isInterrupted() })
      }
      let body =
        wantsJSON ? try StoreCoding.encode(reports, pretty: true) : Array(reports.map(\.text).joined().utf8)
      report = last.keep(body, target: target, caller: caller)
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
    let invalid = reports.filter { !$0.isValid }
    guard invalid.isEmpty else {
      let names = invalid.map { "\($0.model)/\($0.version)" }.joined(separator: ", ")
      throw ControlFailure(FileSystemError(.badMessage, "validation failed: \(names)"), report: report)
    }
    return report
  }

  private func versions(in target: RequestTarget) throws(StoreError) -> [(ModelName, VersionName)] {
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
