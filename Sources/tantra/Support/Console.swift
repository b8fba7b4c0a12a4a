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
  static func error(_ line: String) { write("tantra: \(line)\n", to: STDERR_FILENO) }

  /// Lines on standard error as they are.
  static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Columns, wide enough for their widest cell; the last is not padded.
  static func table(_ header: [String], _ rows: [[String]]) -> String {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      row.indices.map { $0 == row.count - 1 ? row[$0] : row[$0].padded(to: widths[$0]) }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// `2.6 MiB`.
  static func size(_ byteCount: Int) -> String { ByteCount(bytes: byteCount).description }

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
