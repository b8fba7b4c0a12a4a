import ArgumentParser
import TantraBench

/// `tantra bench-faults`: a process of `tantra bench`.
struct BenchFaultsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-faults", abstract: "Touch a mapped file's pages at random, when descriptor 3 ends.",
    shouldDisplay: false)

  @Argument(help: "The file.") var path: String
  @Option(help: "Decides the order.") var seed: UInt64

  func run() throws { try FaultingProcess.run(on: path, seed: seed) }
}
