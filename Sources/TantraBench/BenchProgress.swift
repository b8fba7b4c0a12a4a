import Glibc
import SystemPackage

/// A line on standard error that says what is being measured; where that is no terminal, nothing.
final class BenchProgress {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let lineCount: Int
  private var done = 0
  private var title = ""
  private let start = ContinuousClock.now

  init(lineCount: Int) { self.lineCount = lineCount }

  /// What comes before the first line.
  func preparing(_ what: String) {
    title = what
    draw("")
  }

  /// A line is measured from now on.
  func begin(_ line: BenchLine) {
    title = line.title
    draw("")
  }

  /// A part of the line is measured from now on.
  func round(_ text: String) { draw(": \(text)") }

  /// The line has been measured.
  func end() {
    done += 1
    title = ""
  }

  /// Removes the line.
  func clear() {
    if isTerminal { write("\r\u{1B}[K") }
  }

  private func draw(_ detail: String) {
    guard isTerminal else { return }
    let seconds = Int((ContinuousClock.now - start) / .seconds(1))
    let text = "[\(done)/\(lineCount)] \(seconds / 60)m\(seconds % 60)s \(title)\(detail)"
    write("\r\u{1B}[K\(text.prefix(width - 1))")
  }

  private func write(_ text: String) {
    do {
      try FileDescriptor.standardError.writeAll(text.utf8)
    } catch {
      // The terminal has gone; measuring goes on.
    }
  }

  private var width: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
  }
}
