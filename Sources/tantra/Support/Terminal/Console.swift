import Glibc
import StoreRecords
import Tensors
import WeightRegistry

/// What the commands write for people and for scripts.
enum Console {
  /// A line on standard output.
  static func print(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }

  /// Text on standard output as it is.
  static func print(raw text: String) { write(text, to: STDOUT_FILENO) }

  /// `record` as JSON on standard output.
  static func print(json record: some Encodable) throws(StoreError) {
    print(raw: String(decoding: try StoreCoding.encode(record, pretty: true), as: UTF8.self))
  }

  /// `record` as JSON in one line.
  static func print(jsonLine record: some Encodable) throws(StoreError) {
    print(String(decoding: try StoreCoding.encode(record, pretty: false), as: UTF8.self))
  }

  /// A line on standard error, after the program's name.
  static func error(_ line: String) {
    write("\(Terminal.errors.styled("tantra:", .failure)) \(line)\n", to: STDERR_FILENO)
  }

  /// Lines on standard error as they are, unless nobody wants to know more than results.
  static func note(_ text: String) {
    if Verbosity.current != .quiet { write(text + "\n", to: STDERR_FILENO) }
  }

  /// Columns for standard output, as ``ConsoleTable`` shows them there.
  ///
  /// - Parameters:
  ///   - givingUp: names of the columns that a narrow terminal loses first.
  ///   - mark: the column that says what is active.
  static func table(_ header: [String], _ rows: [[String]], givingUp: [String] = [], mark: Int? = nil) -> String {
    ConsoleTable(header: header, rows: rows, givingUp: givingUp, mark: mark).text(for: .output)
  }

  /// `2.6 MiB`.
  static func size(_ byteCount: Int) -> String { ByteCount(bytes: byteCount).description }

  /// `1 version`, `2 versions`.
  static func count(_ number: Int, _ noun: String) -> String { "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")" }

  /// `689,792`.
  static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0, index % 3 == 0, digit != "-" { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  static func write(_ text: String, to descriptor: CInt) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }
}
