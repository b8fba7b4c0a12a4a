import PosixIO

/// That a validation has found damage: for those who watch the store. It says nothing of now: the version may be mended since.
package struct DamageNote: Sendable, Hashable, Codable {
  /// Nanoseconds since 1970.
  package var time: Int64
  package var model: ModelName
  package var version: VersionName
  /// What is damaged.
  package var details: [String]

  package init(time: Int64, model: ModelName, version: VersionName, details: [String]) {
    self.time = time
    self.model = model
    self.version = version
    self.details = details
  }
}

/// `.staging/damaged`: the last notes of damage, oldest first. They need not outlive the machine.
struct DamageNotes: Sendable {
  static let fileName = "damaged"
  private static let limit = 50
  private static let byteLimit = 1 << 20

  /// `.staging`.
  let folder: Folder?

  func notes() throws(StoreError) -> [DamageNote] {
    guard let folder, let bytes = try ifThere(try folder.contents(of: Self.fileName, limit: Self.byteLimit)) else {
      return []
    }
    return try StoreCoding.decode([DamageNote].self, from: bytes, what: ".staging/\(Self.fileName)")
  }

  /// Adds a note.
  func add(_ note: DamageNote) throws(StoreError) {
    guard let folder else { throw StoreError(.readOnly, "the store is open for reading only") }
    var note = note
    note.details = note.details.prefix(20).map { String($0.prefix(500)) }
    var notes: [DamageNote]
    // Notes that cannot be read are of no use to anybody.
    do throws(StoreError) { notes = try self.notes() } catch { notes = [] }
    notes = notes.suffix(Self.limit - 1) + [note]
    let bytes = try StoreCoding.encode(notes, pretty: false)
    try posix(try folder.replace(Self.fileName, with: bytes, staging: folder))
  }
}

extension RecordStore {
  /// The last notes of damage that validations have found, oldest first.
  package func damageNotes() throws(StoreError) -> [DamageNote] { try DamageNotes(folder: store.staging).notes() }
}
