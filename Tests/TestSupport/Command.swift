package import Foundation

/// A program run to its end, with what it wrote.
package struct Command: Sendable {
  package var status: Int32
  package var output: Data
  package var errorText: String

  package var outputText: String { String(decoding: output, as: UTF8.self) }

  /// Runs `executable` (a path, or a name looked up in PATH) and waits for it.
  ///
  /// Output goes through files, so that no amount of it can block the program.
  package static func run(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], folder: String? = nil
  ) throws -> Command {
    let scratch = try TemporaryFolder()
    let process = Process()
    if executable.contains("/") {
      process.executableURL = URL(fileURLWithPath: executable)
      process.arguments = arguments
    } else {
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [executable] + arguments
    }
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let outputPath = scratch.path + "/out"
    let errorPath = scratch.path + "/err"
    for path in [outputPath, errorPath] { try Data().write(to: URL(fileURLWithPath: path)) }
    let outputFile = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))
    let errorFile = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = outputFile
    process.standardError = errorFile
    try process.run()
    process.waitUntilExit()
    try outputFile.close()
    try errorFile.close()
    return Command(
      status: process.terminationStatus, output: try Data(contentsOf: URL(fileURLWithPath: outputPath)),
      errorText: String(decoding: try Data(contentsOf: URL(fileURLWithPath: errorPath)), as: UTF8.self))
  }
}
