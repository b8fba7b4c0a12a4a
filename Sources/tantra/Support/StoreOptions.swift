import ArgumentParser
import FoundationEssentials
import Logging
import StoreClient
import StoreRecords
import WeightRegistry
import WeightsFS

/// `--store`, which goes with every command.
struct StoreOptions: ParsableArguments {
  @Option(help: "Folder of the weight store.")
  var store: String?

  /// The folder: as given, else $TANTRA_STORE, else $XDG_DATA_HOME/tantra; absolute.
  var path: String {
    let environment = ProcessInfo.processInfo.environment
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let chosen =
      store ?? value("TANTRA_STORE") ?? value("XDG_DATA_HOME").map { $0 + "/tantra" }
      ?? (value("HOME") ?? ".") + "/.local/share/tantra"
    return chosen.hasPrefix("/") ? chosen : FileManager.default.currentDirectoryPath + "/" + chosen
  }

  /// A logger for a command of a moment: warnings and errors on standard error.
  var logger: Logger {
    var logger = Logger(label: "tantra") { _ in EventLogHandler(EventLog(mirrors: [2])) }
    logger.logLevel = .warning
    return logger
  }

  /// Changes the store, directly or through the mount that has it.
  var client: StoreClient {
    StoreClient(storePath: path, logger: logger, checkers: [ShapeChecker(), GoldenChecker()])
  }

  /// Opens the store to look at it.
  func openForReading() throws(StoreError) -> WeightRegistry {
    try WeightRegistry(storePath: path, access: .reading, logger: logger, checkers: [ShapeChecker(), GoldenChecker()])
  }

  /// Opens the store to change it; makes it if it is not there.
  func openForWriting() throws(StoreError) -> WeightRegistry {
    try WeightRegistry(
      storePath: path, access: .writing(), logger: logger, checkers: [ShapeChecker(), GoldenChecker()])
  }
}
