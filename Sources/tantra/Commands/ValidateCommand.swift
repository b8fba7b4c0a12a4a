import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra validate [MODEL [VERSION]]`
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check digests, views, values and shapes of versions.",
    discussion: """
      Every byte is read and compared with its digest; every view is read as a program would and compared, tensor by \
      tensor; NaN and infinities are counted; shapes are checked against config.json. Damage is named by tensor. Importing the intact file \
      again, under the same model and version, mends it.

      Exit codes: 0 valid, 1 damage found, 2 could not check.
      """, aliases: ["verify"])

  @Argument(
    help: "Name of the model, or MODEL/VERSION; all models if left out.", completion: StoreCompletion.versionsOfModels)
  var model: String?
  @Argument(help: "Name of the version; all versions if left out.", completion: StoreCompletion.versions) var version:
    String?
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let reports: [ValidationReport]
    do {
      let names = try self.model.map { try VersionArguments.names($0, self.version, in: store) }
      let (model, version) = (names?.model, names?.version)
      let bar = ProgressBar(VersionArguments.title(names))
      defer { bar.finish() }
      Interruption.watch()
      reports = try store.reportingClient.validate(model, version, progress: Interruption.stopping(bar.handler)) {
        report in
        if json { return }
        bar.finish()
        Console.print(raw: report.text)
      }
    } catch {
      guard let failure = CommandFailure(error) else { throw error }
      let isTold = [.inUse, .interrupted].contains(failure.status)
      throw CommandFailure(isTold ? failure.status : .couldNotCheck, failure.message)
    }
    if json { try Console.print(json: reports) } else if reports.isEmpty { Console.note("no versions to validate") }
    for report in reports where report.findsDamage && !json {
      let (model, version) = (report.model, report.version)
      Console.note(
        "importing the intact file again mends \(model)/\(version): tantra import FILE --model \(model) --version \(version)"
      )
    }
    if !reports.allSatisfy(\.isValid) { throw ExitCode(CommandFailure.Status.failed.rawValue) }
  }
}
