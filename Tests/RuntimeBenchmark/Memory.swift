import Foundation

/// What of this process is resident, as the kernel tells it.
enum Memory {
  /// Millions of bytes: all, and of that what is no file's.
  static func now() throws -> String {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    func megabytes(_ name: String) -> String {
      let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      let kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }
      return kibibytes.map { String(format: "%.1f", $0 * 1024 / 1e6) } ?? "unknown"
    }
    return "\(megabytes("VmRSS")), of which anonymous \(megabytes("RssAnon"))"
  }
}
