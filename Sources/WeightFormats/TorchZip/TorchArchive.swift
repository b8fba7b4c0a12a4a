/// The records of a torch zip archive, by what they are. Names begin with the archive's own: `<top>/data.pkl`.
struct TorchArchive {
  /// `data.pkl`.
  let pickle: ZipReader.Record
  /// Records `data/<key>` of the archive, by the bytes of their keys.
  private let storages: NumberTable
  /// The other records, by name without the archive's.
  private let others: [String: ZipReader.Record]
  private let archive: ZipReader
  /// Bytes of the archive's name and the slash behind it.
  private let prefixByteCount: Int

  private static let known: Set<String> = [
    "version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id",
  ]

  private static let storagePrefix = Array("data/".utf8)

  /// Refuses archives of other programs, with a word on what they are.
  static func inspect(_ names: ZipNames) throws(FormatError) {
    func contains(suffix: String) -> Bool { names.contains { $0.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) } }
    let kind: String
    if isTorchScript(names) {
      kind = "a TorchScript archive: a program; load it with torch.jit.load and save its state_dict() with torch.save"
    } else if contains(suffix: "/.data/extern_modules") {
      kind = "a torch.package archive: a program; load its model and save the state_dict() of that with torch.save"
    } else if contains(suffix: ".npy") {
      kind = "a numpy archive; put its arrays into a dict and save that with torch.save"
    } else if contains(suffix: ".weights.h5") {
      kind = "a Keras archive; load it in Keras and save its weights as safetensors"
    } else if contains(suffix: "/archive_format") || contains(suffix: "/models/model.json") {
      kind = "an exported program (pt2); load it with torch.export.load and save its state_dict with torch.save"
    } else if !contains(suffix: "/data.pkl") {
      kind = "a zip archive without a data.pkl: torch.save did not write it"
    } else {
      return
    }
    throw FormatError(.unsupported, "the file is " + kind)
  }

  /// Whether the names are those of a TorchScript archive.
  static func isTorchScript(_ names: ZipNames) -> Bool {
    let (code, constants) = (Array("/code/".utf8), Array("/constants.pkl".utf8))
    return names.contains { name in
      if name.suffix(constants.count).elementsEqual(constants) { return true }
      guard let slash = name.firstIndex(of: UInt8(ascii: "/")) else { return false }
      return name[slash...].starts(with: code)
    }
  }

  /// Sorts the archive's records.
  ///
  /// - Throws: `unsupported` if it is another kind of archive, `malformed` if a record is missing.
  init(_ archive: ZipReader, budget: inout MemoryBudget) throws(FormatError) {
    self.archive = archive
    guard let first = archive.records.first else { throw FormatError(.unsupported, "the zip archive is empty") }
    let firstName = archive.nameBytes(of: first)
    guard let slash = firstName.firstIndex(of: UInt8(ascii: "/")) else { throw TorchArchive.foreign(archive, first) }
    let prefix = firstName[...slash]
    prefixByteCount = prefix.count
    try budget.charge(NumberTable.byteCount(archive.records.count))
    var pickle: ZipReader.Record?
    var storages = NumberTable(capacity: archive.records.count)
    var others: [String: ZipReader.Record] = [:]
    for (index, record) in archive.records.enumerated() {
      let whole = archive.nameBytes(of: record)
      let name = whole.dropFirst(prefix.count)
      // Torch's own names are ASCII. Others could be the same name or not, depending on who compares them.
      guard whole.starts(with: prefix), name.allSatisfy({ $0 < 0x80 }) else {
        throw TorchArchive.foreign(archive, record)
      }
      if name.elementsEqual("data.pkl".utf8) {
        pickle = record
      } else if name.starts(with: TorchArchive.storagePrefix) {
        // Names are unique, so no key is there twice.
        _ = storages.insert(index, NumberTable.hash(name.dropFirst(TorchArchive.storagePrefix.count))) { _ in false }
      } else {
        let text = String(decoding: name, as: UTF8.self)
        guard TorchArchive.known.contains(text) else { throw TorchArchive.foreign(archive, record) }
        others[text] = record
      }
    }
    guard let pickle else {
      throw FormatError(.unsupported, "the zip archive has no data.pkl: torch.save did not write it")
    }
    self.pickle = pickle
    self.storages = storages
    self.others = others
  }

  /// For each storage of a graph, the index of its record; `UInt32.max` if there is none.
  func places(of graph: PickleGraph) -> [UInt32] {
    graph.storages.map { storage in
      let key = graph.key(of: storage)
      let place = storages.find(NumberTable.hash(key)) { index in
        storageKey(of: archive.records[index])?.elementsEqual(key) == true
      }
      return place.map { UInt32(truncatingIfNeeded: $0) } ?? .max
    }
  }

  /// The key of a storage's record; nil for other records.
  func storageKey(of record: ZipReader.Record) -> ArraySlice<UInt8>? {
    let name = archive.nameBytes(of: record).dropFirst(prefixByteCount)
    guard name.starts(with: TorchArchive.storagePrefix) else { return nil }
    return name.dropFirst(TorchArchive.storagePrefix.count)
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
        .unsupported, "the archive has version \(version.printable); torch loads 1 to 10")
    }
    if let order = contents["byteorder"], order != "little" {
      throw FormatError(
        .unsupported, "the archive's byte order is \(order.printable); only little is supported")
    }
    if let alignment = contents[".storage_alignment"] {
      guard let number = Int(alignment), number > 0, number <= 1 << 30 else {
        throw FormatError(.malformed, "the storage alignment \(alignment.printable) is not a number")
      }
      // torch can be told to compute where storages are from this number alone.
      for record in archive.records where record.byteCount > 0 && record.offset % number != 0 {
        guard let key = storageKey(of: record) else { continue }
        throw FormatError(
          .malformed,
          "storage \(String(decoding: key, as: UTF8.self)) at offset \(record.offset) is not aligned to \(number) bytes, as the archive says"
        )
      }
    }
  }

  private static func foreign(_ archive: ZipReader, _ record: ZipReader.Record) -> FormatError {
    FormatError(
      .unsupported,
      "the zip archive has a record \(archive.name(of: record).printable), which torch.save does not "
        + "write for weights")
  }
}
