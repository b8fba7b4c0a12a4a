import Foundation

/// strace(1) around a command: it sees each step by which SQLite changes the index, and can end the command before one.
struct IndexTracer {
  static let program = "/usr/bin/strace"
  static let isInstalled = FileManager.default.isExecutableFile(atPath: program)

  /// A fault that only writes down the steps.
  static let trace = "index:"

  private static let calls = ["pwrite64", "write", "fdatasync", "fsync", "ftruncate", "unlink"]

  /// Folder of the store.
  let store: String
  /// File that strace writes.
  let log: String

  /// What goes before the command; nil for a fault of another kind.
  func words(for fault: String) -> [String]? {
    guard fault.hasPrefix(Self.trace) else { return nil }
    let injection = String(fault.dropFirst(Self.trace.count))
    var words = ["-f", "-qq", "-o", log, "-e", "trace=" + Self.calls.joined(separator: ",")]
    for suffix in ["", "-journal"] { words += ["-P", store + "/index.sqlite" + suffix] }
    if !injection.isEmpty { words += ["-e", "inject=" + injection] }
    return words
  }

  /// For each step of the last command, the fault that ends it there. strace counts each call by itself:
  ///
  ///     index:fdatasync:signal=KILL:when=2
  func faults() throws -> [String] {
    var counts: [String: Int] = [:]
    var faults: [String] = []
    let text = try String(contentsOfFile: log, encoding: .utf8)
    for line in text.split(separator: "\n") {
      guard let call = Self.calls.first(where: { line.contains(" " + $0 + "(") }) else { continue }
      let number = counts[call, default: 0] + 1
      counts[call] = number
      faults.append("\(Self.trace)\(call):signal=KILL:when=\(number)")
    }
    return faults
  }
}
