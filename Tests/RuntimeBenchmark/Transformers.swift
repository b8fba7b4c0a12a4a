import Foundation

/// A process in which transformers has loaded the same model: it measures when told to, so that the two can take turns.
final class Transformers {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var unread = Data()

  /// What it can measure.
  enum Quantity: String {
    /// Tokens a second, one by one.
    case decode
    /// Tokens a second of a whole prompt.
    case prefill
    /// The most bytes that were resident.
    case memory
  }

  init(python: String, folder: String, threads: Int, tokens: Int, promptLength: Int) throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Oracles/mamba_speed.py").path
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [script, folder, "\(threads)", "\(tokens)", "\(promptLength)"]
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  /// Ends the process.
  func finish() throws {
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  func measure(_ quantity: Quantity) throws -> Double {
    try input.fileHandleForWriting.write(contentsOf: Data((quantity.rawValue + "\n").utf8))
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: unread[..<end], as: UTF8.self)
        unread = Data(unread[(end + 1)...])
        guard let number = Double(line) else { throw Failure(description: "expected a number, found \(line)") }
        return number
      }
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw Failure(description: "mamba_speed.py ended before it had measured") }
      unread += more
    }
  }

  /// Why there is no measurement.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }
}
