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
    do {
      let model = try model.map { try ModelName(validating: $0) }
      let version = try version.map { try VersionName(validating: $0) }
      let isValid = try store.act { registry in
        try validate(try targets(in: registry, model, version), in: registry)
      } throughMount: { mount in
        try validate(through: mount, model, version)
      }
      if !isValid { throw ExitCode(CommandFailure.Status.failed.rawValue) }
    } catch let code as ExitCode {
      throw code
    } catch {
      guard let failure = error as? CommandFailure ?? CommandFailure(error) else { throw error }
      throw CommandFailure(failure.status == .inUse ? .inUse : .couldNotCheck, failure.message)
    }
  }

  private func targets(
    in registry: WeightRegistry, _ model: ModelName?, _ version: VersionName?
  ) throws -> [(ModelName, VersionName)] {
    if let model, let version { return [(model, version)] }
    return try (model.map { [$0] } ?? registry.models).flatMap { model in
      try registry.versions(of: model).map { (model, $0) }
    }
  }

  private func validate(_ targets: [(ModelName, VersionName)], in registry: WeightRegistry) throws -> Bool {
    var reports: [ValidationReport] = []
    for (model, version) in targets {
      let bar = ProgressBar("\(model)/\(version)")
      defer { bar.finish() }
      let report = try registry.validate(model, version, progress: bar.handler)
      reports.append(report)
      if !json {
        bar.finish()
        Console.print(raw: report.text)
      }
    }
    if json { try Console.print(json: reports) }
    return reports.allSatisfy(\.isValid)
  }

  private func validate(through mount: MountedStore, _ model: ModelName?, _ version: VersionName?) throws -> Bool {
    let target = model.map { model in version.map { "\(model)/\($0)" } ?? model.text } ?? "all"
    let answer = try mount.request("validate", json ? target + " json" : target)
    guard answer.errno == 0 || answer.errno == EBADMSG else {
      throw CommandFailure(.couldNotCheck, answer.report.trimmedLine)
    }
    // The first line says when, for whom and what; people who asked just now know that.
    let body = answer.report.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).dropFirst()
    Console.print(raw: String(body.first ?? ""))
    return answer.errno == 0
  }
}
