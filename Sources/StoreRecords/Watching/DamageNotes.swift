import PosixIO

/// That the last validation of a version has found damage. One that finds none takes it back, and so does importing the version
/// again.
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

  package func concerns(_ model: ModelName, _ version: VersionName) -> Bool {
    self.model == model && self.version == version
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
    try write(notes, in: folder)
  }

  /// Takes back what is noted of a version.
  func remove(_ model: ModelName, _ version: VersionName) throws(StoreError) {
    guard let folder else { return }
    let notes = try self.notes()
    let rest = notes.filter { !$0.concerns(model, version) }
    if rest.count < notes.count { try write(rest, in: folder) }
  }

  private func write(_ notes: [DamageNote], in folder: Folder) throws(StoreError) {
    let bytes = try StoreCoding.encode(notes, pretty: false)
    try posix(try folder.replace(Self.fileName, with: bytes, staging: folder))
  }
}

extension StoreFolder {
  /// The last notes of damage that validations have found, oldest first.
  package func damageNotes() throws(StoreError) -> [DamageNote] { try DamageNotes(folder: staging).notes() }
}
