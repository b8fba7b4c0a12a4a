import Glibc
import PosixIO
import SystemPackage

/// The text that a model is to go on with: as it was written on the command line, or from standard input.
enum PromptText {
  /// Bytes that a prompt may have.
  private static let limit = 16 << 20

  /// The prompt.
  ///
  /// - Parameters:
  ///   - words: what was given; `-` stands for standard input, and so does nothing, unless that is a terminal.
  ///   - model: for the message.
  static func read(_ word: String?, for model: String) throws -> String {
    if let word, word != "-" { return word }
    if word == nil, isatty(STDIN_FILENO) == 1 {
      throw CommandFailure(
        .usage,
        "what is to go on? Write tantra run \(model) TEXT, pipe a text in, or have a talk with tantra run \(model) --chat"
      )
    }
    var bytes: [UInt8] = []
    while let more = try StandardInput.read() {
      bytes += more
      guard bytes.count <= limit else {
        throw CommandFailure(.usage, "the prompt on standard input has more than \(limit >> 20) MiB")
      }
    }
    // The end of the last line is the shell's, not the text's.
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(.badData, "the prompt on standard input is no text: expected UTF-8")
    }
    return text
  }
}

/// What comes in on descriptor 0.
enum StandardInput {
  /// The next bytes; none if a signal came before any did, and nil at the end.
  static func read() throws(PosixError) -> [UInt8]? {
    let bytes: [UInt8]
    do throws(PosixError) {
      bytes = try [UInt8](upTo: 1 << 16) { (buffer) throws(PosixError) in
        let count = Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        if count < 0 { throw PosixError(Errno(rawValue: errno), call: "read", path: "standard input") }
        return count
      }
    } catch {
      guard error.errno == .interrupted else { throw error }
      return []
    }
    return bytes.isEmpty ? nil : bytes
  }
}
