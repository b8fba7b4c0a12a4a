import ArgumentParser
import StoreClient
import StoreRecords

/// The command line: one subcommand a file in `Commands`.
@main
struct Tantra: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tantra",
    abstract: "The weights filesystem: every model, version and format is a plain file, and no file is a second copy.",
    discussion: """
      A store keeps each tensor once. Mounted, it shows <model>/<version>/model.{safetensors,pt,bin} and a link `active` \
      for every model. The store is the one that --store names, else $TANTRA_STORE, else the only one that is mounted, \
      else $XDG_DATA_HOME/tantra (~/.local/share/tantra). A command that changes a store that nobody named says which it is.

      Exit codes: 0 done; 1 failed, or validation found damage; 2 validation could not check; 64 wrong usage; \
      65 not acceptable as weights; 66 no such store, model, version or file; 73 exists already with other weights; \
      74 input or output failed; 75 the store is in use; 77 not permitted.

      `tantra --version` shows the version of Tantra.
      """,
    subcommands: [
      InitCommand.self, MountCommand.self, UnmountCommand.self, StatusCommand.self, ListModelsCommand.self,
      ListWeightsCommand.self, ShowCommand.self, TagCommand.self, RemoveCommand.self, SetActiveCommand.self,
      RollbackCommand.self, HistoryCommand.self, WatchCommand.self, ImportCommand.self, ExportCommand.self,
      QuantizeCommand.self, DiffCommand.self, CleanupCommand.self, BackupCommand.self, RestoreCommand.self,
      PurgeCommand.self, CompressCommand.self, ThawCommand.self,
      ValidateCommand.self, ConfigCommand.self, StatsCommand.self, MetricsCommand.self, DoctorCommand.self,
      UpgradeStoreCommand.self, PushCommand.self, PullCommand.self, FollowCommand.self,
      RemoteCommand.self,
      GenerateCommand.self, RunCommand.self, OcrCommand.self, BenchCommand.self, BenchFaultsCommand.self,
    ])

  /// The command that is meant. What the first word could have meant is looked at only if it comes to none.
  private static func parse() throws -> any ParsableCommand {
    let parsed = Result { try parseAsRoot() }
    if case .success(let command) = parsed, configuration.subcommands.contains(where: { $0 == type(of: command) }) {
      return command
    }
    let words = CommandLine.arguments.dropFirst()
    try requireCommand(words.first == "help" ? words.dropFirst().first : words.first)
    return try parsed.get()
  }

  /// - Throws: a failure that says what was meant, if the first word is no command.
  private static func requireCommand(_ word: String?) throws(CommandFailure) {
    let names = configuration.subcommands.flatMap { command in
      [command.configuration.commandName].compactMap { $0 } + command.configuration.aliases
    }
    guard let word, !word.hasPrefix("-"), word != "help", !names.contains(word) else { return }
    throw CommandFailure(
      .usage,
      "there is no command \"\(word)\"" + NearMatch.hint(for: word, among: names + ["help"])
        + "; tantra --help lists all")
  }

  /// What the parser did not understand, in a line; nil for what is no mistake, such as a wish for help.
  private static func misuse(_ error: any Error) -> CommandFailure? {
    guard !(error is ExitCode), exitCode(for: error) == .validationFailure else { return nil }
    let word = CommandLine.arguments.dropFirst().first.flatMap { $0.hasPrefix("-") ? nil : $0 }
    return CommandFailure(
      .usage, "\(message(for: error)); tantra \(word.map { "\($0) " } ?? "")--help tells how it is used")
  }

  /// Not the parser's: its --version would go with every command, and some have one that names the version of a model.
  private static let number = ControlVersion.program

  /// Reports errors in one line, with an exit code that says what kind they are.
  static func main() {
    if CommandLine.arguments.dropFirst() == ["--version"] { return Console.print(number) }
    do {
      var command = try parse()
      try command.run()
    } catch let error as CommandFailure {
      Console.error(error.message)
      Tantra.exit(withError: ExitCode(error.status.rawValue))
    } catch
      where CompletionScript.isWanted(by: Array(CommandLine.arguments.dropFirst())) && exitCode(for: error).isSuccess
    {
      Console.print(CompletionScript.withAliases(message(for: error), of: configuration.subcommands))
    } catch {
      guard let failure = CommandFailure(error) ?? misuse(error) else { Tantra.exit(withError: error) }
      Console.error(failure.message)
      Tantra.exit(withError: ExitCode(failure.status.rawValue))
    }
  }
}
