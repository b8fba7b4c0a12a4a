package import Foundation
import PosixIO

/// A program run to its end, with what it wrote.
package struct Command: Sendable {
  /// The exit status, or 128 plus the signal that ended the program.
  package var status: Int32
  package var output: Data
  package var errorText: String

  package var outputText: String { String(decoding: output, as: UTF8.self) }

  /// Sends output to two files, then becomes the program.
  private static let redirection = #"out=$1 err=$2; shift 2; exec "$@" > "$out" 2> "$err""#

  /// Runs `executable` (a path, or a name looked up in PATH) and waits for it.
  ///
  /// Output goes through files, so that no amount of it can block the program. Not by Foundation's `Process`: many of those at
  /// once, on many threads, have damaged the heap.
  package static func run(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], folder: String? = nil
  ) throws -> Command {
    let scratch = try TemporaryFolder()
    let (outputPath, errorPath) = (scratch.path + "/out", scratch.path + "/err")
    let words =
      ["env"] + (folder.map { ["-C", $0] } ?? []) + environment.map { "\($0)=\($1)" }
      + ["/bin/sh", "-c", redirection, "sh", outputPath, errorPath, executable] + arguments
    let process = try ChildProcess("/usr/bin/env", words)
    return try Command(status: process.wait() ?? 255, output: outputPath, errors: errorPath)
  }

  /// - Parameters:
  ///   - output: the file that the program wrote to.
  ///   - errors: the file of its standard error.
  init(status: Int32, output: String, errors: String) throws {
    self.status = status
    self.output = try Data(contentsOf: URL(fileURLWithPath: output))
    errorText = String(decoding: try Data(contentsOf: URL(fileURLWithPath: errors)), as: UTF8.self)
  }
}
