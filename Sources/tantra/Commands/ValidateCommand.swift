import ArgumentParser
import Glibc
import WeightRegistry

/// `tantra validate [MODEL [VERSION]]`
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check digests, views, values and shapes of versions.",
    discussion: """
      Every byte is read and compared with its digest; every view is read as a program would and compared, tensor by \
      tensor; NaN and infinities are counted; shapes are checked against config.json. Damage is named by tensor.

      Exit codes: 0 valid, 1 damage found, 2 could not check.
      """)

  @Argument(help: "Name of the model; all models if left out.") var model: String?
  @Argument(help: "Name of the version; all versions if left out.") var version: String?
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let reports: [ValidationReport]
    do {
      let model = try model.map { try ModelName(validating: $0) }
      let version = try version.map { try VersionName(validating: $0) }
      Interruption.watch()
      reports = try store.changes.act { registry throws(StoreError) in
        try validate(try targets(in: registry, model, version), in: registry)
      } throughMount: { control throws(StoreError) in
        try validate(through: control, model, version)
      }
    } catch {
      guard let failure = CommandFailure(error) else { throw error }
      let isTold = [.inUse, .interrupted].contains(failure.status)
      throw CommandFailure(isTold ? failure.status : .couldNotCheck, failure.message)
    }
    if json { try Console.print(json: reports) }
    if !reports.allSatisfy(\.isValid) { throw ExitCode(CommandFailure.Status.failed.rawValue) }
  }

  private func targets(
    in registry: WeightRegistry, _ model: ModelName?, _ version: VersionName?
  ) throws(StoreError) -> [(ModelName, VersionName)] {
    if let model, let version { return [(model, version)] }
    var targets: [(ModelName, VersionName)] = []
    for model in model.map({ [$0] }) ?? registry.models {
      targets += try registry.versions(of: model).map { (model, $0) }
    }
    return targets
  }

  private func validate(
    _ targets: [(ModelName, VersionName)], in registry: WeightRegistry
  ) throws(StoreError) -> [ValidationReport] {
    var reports: [ValidationReport] = []
    for (model, version) in targets {
      let bar = ProgressBar("\(model)/\(version)")
      defer { bar.finish() }
      reports.append(try registry.validate(model, version, progress: Interruption.stopping(bar.handler)))
      bar.finish()
      if !json { Console.print(raw: reports[reports.count - 1].text) }
    }
    return reports
  }

  private func validate(
    through control: ControlFolder, _ model: ModelName?, _ version: VersionName?
  ) throws(StoreError) -> [ValidationReport] {
    let target = model.map { model in version.map { "\(model)/\($0)" } ?? model.text } ?? "all"
    let report = try control.perform("validate", "\(target) json", accepting: EBADMSG)
    let reports = try StoreCoding.decode([ValidationReport].self, from: Array(report.utf8), what: "the mount's answer")
    if !json { for report in reports { Console.print(raw: report.text) } }
    return reports
  }
}
