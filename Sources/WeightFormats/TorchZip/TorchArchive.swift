/// The records of a torch zip archive, by what they are. Names begin with the archive's own: `<top>/data.pkl`.
struct TorchArchive {
  /// `data.pkl`.
  let pickle: ZipReader.Record
  /// `data/<key>`, by key.
  let storages: [String: ZipReader.Record]
  /// The other records, by name without the archive's.
  private let others: [String: ZipReader.Record]
  private let archive: ZipReader
  private let prefix: String

  private static let known: Set<String> = [
    "version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id",
  ]

  /// Refuses archives of other programs, with a word on what they are.
  static func inspect(_ names: [String]) throws(FormatError) {
    func contains(_ matches: (String) -> Bool) -> Bool { names.contains(where: matches) }
    let kind: String
    if contains({ $0.hasSuffix("/constants.pkl") || $0.contains("/code/") }) {
      kind = "a TorchScript archive: a program, not a state dict"
    } else if contains({ $0.hasSuffix("/.data/extern_modules") }) {
      kind = "a torch.package archive: a program, not a state dict"
    } else if contains({ $0.hasSuffix(".npy") }) {
      kind = "a numpy archive"
    } else if contains({ $0.hasSuffix(".weights.h5") }) {
      kind = "a Keras archive"
    } else if contains({ $0.hasSuffix("/archive_format") || $0.hasSuffix("/models/model.json") }) {
      kind = "an exported program (pt2), not a state dict"
    } else if !contains({ $0.hasSuffix("/data.pkl") }) {
      kind = "a zip archive without a data.pkl: torch.save did not write it"
    } else {
      return
    }
    throw FormatError(.unsupported, "the file is " + kind)
  }

  /// Sorts the archive's records.
  ///
  /// - Throws: `unsupported` if it is another kind of archive, `malformed` if a record is missing.
  init(_ archive: ZipReader) throws(FormatError) {
    self.archive = archive
    guard let first = archive.records.first else { throw FormatError(.unsupported, "the zip archive is empty") }
    // Names are compared as bytes, like everything that another reader must see alike.
    guard let slash = first.name.utf8.firstIndex(of: UInt8(ascii: "/")) else { throw TorchArchive.foreign(first.name) }
    prefix = String(first.name[...slash])
    var pickle: ZipReader.Record?
    var storages: [String: ZipReader.Record] = [:]
    var others: [String: ZipReader.Record] = [:]
    for record in archive.records {
      guard record.name.utf8.starts(with: prefix.utf8) else { throw TorchArchive.foreign(record.name) }
      let name = String(decoding: record.name.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
      if name == "data.pkl" {
        pickle = record
      } else if name.utf8.starts(with: "data/".utf8) {
        storages[String(decoding: name.utf8.dropFirst(5), as: UTF8.self)] = record
      } else if TorchArchive.known.contains(name) {
        others[name] = record
      } else {
        throw TorchArchive.foreign(record.name)
      }
    }
    guard let pickle else {
      throw FormatError(.unsupported, "the zip archive has no data.pkl: torch.save did not write it")
    }
    self.pickle = pickle
    self.storages = storages
    self.others = others
  }

  /// The key of a storage's record; nil for other records.
  func storageKey(of record: ZipReader.Record) -> String? {
    let name = record.name.utf8.dropFirst(prefix.utf8.count)
    guard name.starts(with: "data/".utf8) else { return nil }
    return String(decoding: name.dropFirst(5), as: UTF8.self)
  }

  /// Checks the records that say how to read the others.
  func checkSmallRecords(limit: Int) throws(FormatError) {
    var contents: [String: String] = [:]
    for (name, record) in others {
      contents[name] = String(decoding: try archive.contents(of: record, limit: limit), as: UTF8.self)
    }
    guard let version = contents["version"] else { throw FormatError(.malformed, "the archive has no record version") }
    let digits = version.hasSuffix("\n") ? version.dropLast() : version[...]
    guard let number = Int(digits), (1...10).contains(number) else {
      throw FormatError(
        .unsupported, "the archive has version \(StateDictExtras.printable(version)); torch loads 1 to 10")
    }
    if let order = contents["byteorder"], order != "little" {
      throw FormatError(
        .unsupported, "the archive's byte order is \(StateDictExtras.printable(order)); only little is supported")
    }
    if let alignment = contents[".storage_alignment"] {
      guard let number = Int(alignment), number > 0, number <= 1 << 30 else {
        throw FormatError(.malformed, "the storage alignment \(StateDictExtras.printable(alignment)) is not a number")
      }
      // torch can be told to compute where storages are from this number alone.
      for (key, record) in storages where record.byteCount > 0 && record.offset % number != 0 {
        throw FormatError(
          .malformed, "storage \(key) at offset \(record.offset) is not aligned to \(number) bytes, as the archive says"
        )
      }
    }
  }

  private static func foreign(_ name: String) -> FormatError {
    FormatError(
      .unsupported,
      "the zip archive has a record \(StateDictExtras.printable(name)), which torch.save does not write for weights")
  }
}
