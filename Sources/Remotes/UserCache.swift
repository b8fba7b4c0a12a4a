import Glibc

/// The folder in which programs keep what they can do without: `$XDG_CACHE_HOME/tantra`.
enum UserCache {
  /// The path of something in it; nil for a user without a home.
  static func path(_ name: String) -> String? {
    func value(_ name: String) -> String? {
      guard let text = getenv(name), text.pointee != 0 else { return nil }
      return String(cString: text)
    }
    let base = value("XDG_CACHE_HOME") ?? value("HOME").map { $0 + "/.cache" }
    return base.map { "\($0)/tantra/\(name)" }
  }
}
