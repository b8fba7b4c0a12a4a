import FoundationEssentials
import Glibc

/// What standard output or standard error is: a terminal that somebody looks at, or a file or pipe that gets everything as it is.
struct Terminal: Sendable {
  /// How many characters a line has; nil for what is no terminal, or says nothing of its size.
  let width: Int?
  /// Whether it shows colours, and nobody has asked for none.
  let hasColours: Bool

  static let output = Terminal(STDOUT_FILENO)
  static let errors = Terminal(STDERR_FILENO)

  private init(_ descriptor: CInt) {
    guard isatty(descriptor) == 1 else {
      (width, hasColours) = (nil, false)
      return
    }
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    width = isKnown ? Int(size.ws_col) : nil
    let environment = ProcessInfo.processInfo.environment
    // https://no-color.org: any value but an empty one.
    let isUnwanted = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    hasColours = !isUnwanted && environment["TERM"].map { $0 != "dumb" && !$0.isEmpty } ?? false
  }

  /// What stands out, by the codes of ECMA-48.
  enum Style: String {
    /// The head of a table.
    case head = "1"
    /// What is active.
    case active = "32"
    /// What has failed.
    case failure = "31"
  }

  /// The text as this terminal shows it.
  func styled(_ text: String, _ style: Style) -> String {
    hasColours && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}
