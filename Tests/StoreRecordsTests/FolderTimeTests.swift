import StoreRecords
import TestSupport
import Testing

/// When the entries of folders changed last.
@Suite struct FolderTimeTests {
  let fixture: RecordsFixture

  init() throws { fixture = try RecordsFixture() }

  private func change(_ changes: [FolderChange], of version: VersionName, in records: RecordStore) throws {
    try records.transaction(fixture.model) { (records) throws(StoreError) in try records.change(version, changes) }
  }

  private func time(_ folder: String, of version: VersionName, in records: RecordStore) throws -> Int64 {
    try #require(try records.folder(of: fixture.model, version)).modified(ofFolder: folder)
  }

  @Test(arguments: [true, false]) func aFoldersTimeMovesWithItsEntriesAlone(isPublished: Bool) throws {
    let records = try fixture.open()
    let version = isPublished ? fixture.version : try VersionName(validating: "draft")
    if isPublished { try fixture.publish(version, in: records) }
    try change([.makeFolder("sub"), .makeFolder("other")], of: version, in: records)
    func moved(by change: FolderChange) throws -> [String] {
      let folders = ["", "sub", "other"]
      let before = try folders.map { try time($0, of: version, in: records) }
      try self.change([change], of: version, in: records)
      let after = try folders.map { try time($0, of: version, in: records) }
      return zip(folders, zip(before, after)).filter { $0.1.0 < $0.1.1 }.map(\.0)
    }
    #expect(try moved(by: .put(RecordsFixture.file("sub/a.txt"))) == ["sub"])
    #expect(try moved(by: .put(RecordsFixture.file("sub/a.txt", seed: 1))) == [])
    #expect(try moved(by: .setModified("sub/a.txt", 7)) == [])
    #expect(try moved(by: .put(RecordsFixture.file("b.txt"))) == [""])
    #expect(try moved(by: isPublished ? .hide("b.txt") : .remove("b.txt")) == [""])
    #expect(try moved(by: .makeFolder("sub/deep")) == ["sub"])
    #expect(try moved(by: .removeFolder("sub/deep")) == ["sub"])
    if isPublished {
      #expect(try moved(by: .hide("model.pt")) == [""])
      #expect(try moved(by: .show("model.pt")) == [""])
    }
    // They are the same after a restart.
    let again = try fixture.reopened()
    for folder in ["", "sub", "other"] {
      #expect(try time(folder, of: version, in: again) == time(folder, of: version, in: records))
    }
  }

  @Test(arguments: [true, false]) func timesOutliveARewriting(isPublished: Bool) throws {
    let records = try fixture.open()
    let version = isPublished ? fixture.version : try VersionName(validating: "draft")
    if isPublished { try fixture.publish(version, in: records) }
    try change([.put(RecordsFixture.file("sub/a.txt")), .makeFolder("empty")], of: version, in: records)
    try change([.setModified("", 11), .setModified("sub", 12), .setModified("empty", 13)], of: version, in: records)
    for index in 0..<300 { try change([.setModified("sub/a.txt", Int64(index))], of: version, in: records) }
    for records in [records, try fixture.reopened()] {
      #expect(try ["", "sub", "empty"].map { try time($0, of: version, in: records) } == [11, 12, 13])
    }
  }

  @Test func namesThatLookTheSameAreKeptApartInEveryRecord() throws {
    let (two, one) = ("e\u{301}", "\u{e9}")
    let records = try fixture.open()
    try fixture.publish(fixture.version, in: records)
    try change([.makeFolder(two), .makeFolder(one)], of: fixture.version, in: records)
    try change(
      [.put(RecordsFixture.file("x" + two, seed: 2)), .put(RecordsFixture.file("x" + one, seed: 1))],
      of: fixture.version, in: records)
    try change([.hide("x" + two), .hide("x" + one), .show("x" + one)], of: fixture.version, in: records)
    // Once in the journal, and once in the manifest.
    for _ in 0..<2 {
      for records in [records, try fixture.reopened()] {
        let folder = try #require(try records.folder(of: fixture.model, fixture.version))
        #expect(folder.file(at: "x" + two)?.byteCount == 12 && folder.file(at: "x" + one)?.byteCount == 11)
        #expect(folder.hides("x" + two) && !folder.hides("x" + one))
        #expect(folder.isFolder(two) && folder.isFolder(one))
      }
      for index in 0..<300 { try change([.setModified("x" + one, Int64(index))], of: fixture.version, in: records) }
    }
  }

  @Test func theTimeOfAModelMovesWithItsVersionsAndFiles() throws {
    let records = try fixture.open()
    func moves(_ body: () throws -> Void) throws -> Bool {
      let before = try records.times.modified(of: fixture.model) ?? 0
      try body()
      return try before < records.times.modified(of: fixture.model) ?? 0
    }
    #expect(try moves { try fixture.publish(fixture.version, in: records) })
    #expect(try !moves { try change([.put(RecordsFixture.file("a.txt"))], of: fixture.version, in: records) })
    #expect(try moves { try change([.put(RecordsFixture.file("notes.txt"))], of: .own, in: records) })
    #expect(try !moves { try change([.put(RecordsFixture.file("notes.txt", seed: 1))], of: .own, in: records) })
    #expect(try moves { try change([.remove("notes.txt")], of: .own, in: records) })
    let draft = try VersionName(validating: "draft")
    #expect(try moves { try change([.makeFolder("sub")], of: draft, in: records) })
    #expect(
      try moves {
        try records.transaction(fixture.model) { (records) throws(StoreError) in try records.retract(draft) }
      })
    let root = try #require(try records.times.modifiedRoot())
    let other = try ModelName(validating: "other")
    try records.transaction(other) { (records) throws(StoreError) in try records.makeModel() }
    let moved = try #require(try records.times.modifiedRoot())
    #expect(root < moved)
    let reader = try fixture.open(.reading)
    #expect(try records.times.modified(of: fixture.model) == reader.times.modified(of: fixture.model))
  }
}
