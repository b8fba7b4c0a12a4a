import FoundationEssentials
import PosixIO

/// `folders/<model>/<version>.<revision>.jsonl`: what has changed in a version's folder since its manifest was written, a
/// ``FolderChange`` a line, after a line that says when the folder was made. Of revision 0 it is a draft: all there is.
///
/// Each change costs one line, however many files there are. A manifest counts with the journal of its own revision; a journal
/// of another one is a leftover.
struct FolderJournal: Sendable {
  private static let newline = UInt8(ascii: "\n")

  private struct Header: Codable {
    /// Nanoseconds since 1970.
    var made: Int64
  }

  /// How long a journal is.
  struct Extent: Sendable {
    /// Bytes of whole lines: what follows is of a write that did not end.
    var byteCount: Int
    /// Changes.
    var lineCount: Int
  }

  var made: Int64
  var changes: [FolderChange]
  var extent: Extent

  static func fileName(_ version: VersionName, revision: Int) -> String { "\(version).\(revision).jsonl" }

  /// Version and revision of a file's name; nil for other files.
  static func parse(fileName: String) -> (version: VersionName, revision: Int)? {
    guard fileName.hasSuffix(".jsonl") else { return nil }
    let stem = fileName.dropLast(6)
    guard let dot = stem.lastIndex(of: "."), let version = version(named: stem[..<dot]),
      let revision = Int(stem[stem.index(after: dot)...]), (0..<Int.max).contains(revision)
    else { return nil }
    return (version, revision)
  }

  private static func version(named text: Substring) -> VersionName? {
    text == VersionName.own.text ? .own : VersionName(text)
  }

  /// Reads a journal; nil if it has not even its first line: then it was never acknowledged.
  ///
  /// - Throws: `damaged`, naming the line.
  init?(_ bytes: [UInt8], what: String) throws(StoreError) {
    let end = bytes.lastIndex(of: Self.newline).map { $0 + 1 } ?? 0
    let lines = bytes[..<end].split(separator: Self.newline)
    guard let first = lines.first else { return nil }
    made = try StoreCoding.decode(Header.self, from: Array(first), what: "\(what), line 1,").made
    var changes: [FolderChange] = []
    changes.reserveCapacity(lines.count - 1)
    for (index, line) in lines.dropFirst().enumerated() {
      let change = try StoreCoding.decode(FolderChange.self, from: Array(line), what: "\(what), line \(index + 2),")
      if let why = Self.problem(of: change) {
        throw StoreError(.damaged, "\(what), line \(index + 2), is damaged: \(change.path.debugDescription) \(why)")
      }
      changes.append(change)
    }
    self.changes = changes
    extent = Extent(byteCount: end, lineCount: changes.count)
  }

  private static func problem(of change: FolderChange) -> String? {
    switch change {
    case .put(let file): FilePurpose.problem(ofPath: file.path, allowsViews: true) ?? file.problem
    case .setModified("", _, _): nil
    case .setFolder(let path, let status):
      (path.isEmpty ? nil : FilePurpose.problem(ofPath: path, allowsViews: true)) ?? status.properties.problem
    default: change.paths.lazy.compactMap { FilePurpose.problem(ofPath: $0, allowsViews: true) }.first
    }
  }

  /// A whole journal.
  static func text(made: Int64, _ changes: [FolderChange]) throws(StoreError) -> [UInt8] {
    try StoreCoding.encode(Header(made: made), pretty: false) + [newline] + lines(changes)
  }

  /// Some lines.
  static func lines(_ changes: [FolderChange]) throws(StoreError) -> [UInt8] {
    var bytes: [UInt8] = []
    for change in changes { bytes += try StoreCoding.encode(change, pretty: false) + [newline] }
    return bytes
  }
}
