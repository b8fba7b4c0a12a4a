import Foundation
import PosixIO
import StoreRecords
import Tensors
import TestSupport
import Testing

/// `folders/<model>/<version>.<revision>.jsonl`.
@Suite struct FolderJournalTests {
  private let fixture: RecordsFixture
  private let draft: VersionName

  init() throws {
    fixture = try RecordsFixture()
    draft = try VersionName(validating: "draft")
  }

  private func change(_ changes: [FolderChange], of version: VersionName, in records: RecordStore) throws {
    try records.transaction(fixture.model) { (records) throws(StoreError) in try records.change(version, changes) }
  }

  private func append(_ text: String, to path: String) throws {
    try fixture.scratch.write(path, try fixture.scratch.read(path) + Array(text.utf8))
  }

  private func journals() throws -> [String] {
    try fixture.scratch.files(below: "store/folders").map { String($0.split(separator: "/")[3]) }
  }

  private func number(_ index: Int) -> String {
    let digits = String(index)
    return String(repeating: "0", count: 5 - digits.count) + digits
  }

  @Test(arguments: [true, false])
  func twoThousandFilesCostALineEach(isPublished: Bool) throws {
    let records = try fixture.open()
    let version = isPublished ? fixture.version : draft
    if isPublished { try fixture.publish(version, in: records) }
    var sizes: [Int] = []
    try records.transaction(fixture.model) { (records) throws(StoreError) in
      for index in 0..<2000 {
        try records.change(version, [.put(RecordsFixture.file("file-\(number(index)).txt"))])
        if index % 100 == 0 || index > 1990 {
          sizes.append(
            try journalSize(version, revision: isPublished ? 1 : 0))
        }
      }
    }
    // Lines of one length: what a change adds is the same at the beginning and at the end.
    let line = sizes[sizes.count - 1] - sizes[sizes.count - 2]
    #expect(sizes[1] - sizes[0] == 100 * line && sizes[19] - sizes[18] == 100 * line)
    let text = String(
      decoding: try fixture.scratch.read(fixture.journalPath(version, revision: isPublished ? 1 : 0)), as: UTF8.self)
    // A line for each file, and one for the time of the folder that it comes into.
    #expect(text.split(separator: "\n").count == 4001)
    let again = try fixture.open(.reading).folder(of: fixture.model, version)
    #expect(isPublished ? again?.fileCount == 2000 : again == nil)
  }

  @Test func aJournalThatOutgrowsItsFolderIsWrittenAnew() throws {
    let records = try fixture.open()
    for index in 0..<300 {
      try change(
        [.put(RecordsFixture.file("log.txt", seed: index)), .setModified("log.txt", Int64(index))], of: draft,
        in: records)
    }
    let text = String(decoding: try fixture.scratch.read(fixture.journalPath(draft, revision: 0)), as: UTF8.self)
    #expect(text.split(separator: "\n").count < 80)
    #expect(try records.folder(of: fixture.model, draft)?.file(at: "log.txt")?.modified == 299)
    #expect(try fixture.reopened().folder(of: fixture.model, draft)?.file(at: "log.txt")?.byteCount == 309)
  }

  @Test(arguments: ["{\"put\":{\"pa", "{", "\0\0\0\0", "{\"remove\":\"a.txt\"}"])
  func aLineThatWasNotEndedCountsForNothingAndIsCut(rest: String) throws {
    do {
      let records = try fixture.open()
      try change([.put(RecordsFixture.file("a.txt"))], of: draft, in: records)
    }
    let path = fixture.journalPath(draft, revision: 0)
    let whole = try fixture.scratch.read(path)
    try append(rest, to: path)
    let records = try fixture.open()
    #expect(try records.folder(of: fixture.model, draft)?.children(of: "").map(\.name) == ["a.txt"])
    try change([.put(RecordsFixture.file("b.txt"))], of: draft, in: records)
    let bytes = try fixture.scratch.read(path)
    #expect(bytes.starts(with: whole) && bytes.last == 10)
    #expect(
      try fixture.reopened().folder(of: fixture.model, draft)?.children(of: "").map(\.name) == ["a.txt", "b.txt"])
  }

  @Test func aDamagedLineIsAnErrorThatNamesItAndNothingIsSwept() throws {
    do {
      let records = try fixture.open()
      try fixture.publish(fixture.version, in: records)
      try change([.put(RecordsFixture.file("a.txt"))], of: draft, in: records)
    }
    try append("garbage\n", to: fixture.journalPath(draft, revision: 0))
    try fixture.scratch.write("store/.staging/upload.1", [1, 2, 3])
    let records = try fixture.open()
    let error = #expect(throws: StoreError.self) { try records.folder(of: fixture.model, draft) }
    #expect(error?.code == .damaged && error?.message.contains("folders/mamba/draft.0.jsonl, line 4") == true)
    #expect(try fixture.scratch.read("store/.staging/upload.1") == [1, 2, 3])
    // The others are served.
    #expect(try records.manifest(of: fixture.model, fixture.version).main?.tensorCount == 3)
  }

  @Test func nothingThatAnUnreadableJournalMayNameGoes() throws {
    let other = try VersionName(validating: "other")
    var names: [String] = []
    do {
      let records = try fixture.open()
      for version in [draft, other] {
        let upload = try records.uploads.begin()
        try upload.file.write([7, 8, 9], at: 0)
        names.append(upload.name)
        try change(
          [.put(.init(path: ".tmp", content: .upload(upload.name), byteCount: 3, modified: 0))], of: version,
          in: records)
      }
    }
    try append("garbage\n", to: fixture.journalPath(draft, revision: 0))
    let records = try fixture.open()
    // What a readable journal names stays when that is written anew, and as long as somebody names it.
    try records.transaction(fixture.model) { (records) throws(StoreError) in
      guard let folder = try records.folder(other) else { throw StoreError(.damaged, "the other draft has gone") }
      try records.write(folder)
    }
    for name in names { #expect(try fixture.scratch.read("store/.staging/\(name)") == [7, 8, 9]) }
    // Nobody knows whether the other journal names it, too: a draft that is renamed is in both for a moment.
    try change([.remove(".tmp")], of: other, in: records)
    for name in names {
      try records.uploads.discard(name)
      #expect(try fixture.scratch.read("store/.staging/\(name)") == [7, 8, 9])
    }
    // What comes later is none of its business.
    let upload = try records.uploads.begin()
    try records.uploads.discard(upload.name)
    #expect(try !fixture.scratch.files(below: "store/.staging").contains("store/.staging/\(upload.name)"))
  }

  @Test(arguments: ["../x", "/x", "a//b", "a/../b", ".", "", "a\\u0000b"])
  func aPathThatNoFileCanHaveIsRefused(path: String) throws {
    do { try change([.put(RecordsFixture.file("a.txt"))], of: draft, in: try fixture.open()) }
    try append("{\"remove\":\"\(path)\"}\n", to: fixture.journalPath(draft, revision: 0))
    let error = #expect(throws: StoreError.self) { try fixture.open().folder(of: fixture.model, draft) }
    #expect(error?.code == .damaged)
  }

  @Test func theJournalOfAnotherRevisionCountsForNothing() throws {
    do {
      let records = try fixture.open()
      try fixture.publish(fixture.version, in: records)
      try change([.put(RecordsFixture.file("a.txt"))], of: fixture.version, in: records)
    }
    let counting = fixture.journalPath(fixture.version, revision: 1)
    let other = String(decoding: try fixture.scratch.read(counting), as: UTF8.self).replacing("a.txt", with: "b.txt")
    for revision in [0, 2, 7, Int.max] {
      try fixture.scratch.write(fixture.journalPath(fixture.version, revision: revision), Array(other.utf8))
    }
    #expect(
      try fixture.open(.reading).published(fixture.model, fixture.version).publishedFiles.map(\.path) == ["a.txt"])
    let records = try fixture.open()
    #expect(try records.published(fixture.model, fixture.version).publishedFiles.map(\.path) == ["a.txt"])
    try change([.put(RecordsFixture.file("c.txt"))], of: fixture.version, in: records)
    #expect(try journals().contains("v1.0.1.jsonl"))
    #expect(try !journals().contains("v1.0.7.jsonl"))
    #expect(
      try fixture.reopened().published(fixture.model, fixture.version).publishedFiles.map(\.path) == ["a.txt", "c.txt"])
  }

  @Test func aManifestThatIsWrittenAnewTakesItsJournalIn() throws {
    let records = try fixture.open()
    try fixture.publish(fixture.version, in: records)
    let upload = FolderFile(path: ".tmp", content: .upload("upload.7"), byteCount: 3, modified: 0)
    try change([.put(RecordsFixture.file("a.txt")), .put(upload), .hide("model.pt")], of: fixture.version, in: records)
    let before = FolderPicture(try records.folder(of: fixture.model, fixture.version))
    try records.transaction(fixture.model) { (records) throws(StoreError) in
      try records.publish(try records.published(fixture.version), in: .models, switching: .never)
    }
    #expect(try journals() == ["v1.0.2.jsonl"])
    #expect(FolderPicture(try records.folder(of: fixture.model, fixture.version)) == before)
    #expect(FolderPicture(try fixture.reopened().folder(of: fixture.model, fixture.version)) == before)
  }

  @Test func draftsOutliveTheProcessAndSoDoUploadsThatTheyName() throws {
    var names: [String] = []
    do {
      let records = try fixture.open()
      for version in [draft, fixture.version] {
        if version == fixture.version { try fixture.publish(version, in: records) }
        let upload = try records.uploads.begin()
        try [7, 8, 9].withUnsafeBytes { buffer in try upload.file.write(buffer, at: 0) }
        names.append(upload.name)
        try change(
          [
            .makeFolder("sub/empty"),
            .put(.init(path: ".tmp", content: .upload(upload.name), byteCount: 24, modified: 0)),
          ], of: version, in: records)
      }
      try records.transaction(fixture.model) { (records) throws(StoreError) in
        try records.makeFolder(try VersionName(validating: "bare"))
      }
      _ = try records.uploads.begin()
    }
    try fixture.scratch.write("store/.staging/upload.1", [1])
    let records = try fixture.open()
    #expect(try records.drafts(of: fixture.model).map(\.text) == ["bare", "draft"])
    #expect(try records.folder(of: fixture.model, draft)?.isFolder("sub/empty") == true)
    let staged = try fixture.scratch.files(below: "store/.staging").filter { $0.contains("upload.") }
    #expect(staged == names.map { "store/.staging/\($0)" }.sorted())
    // One that no record names any more goes at once.
    try change([.remove(".tmp")], of: draft, in: records)
    #expect(try !fixture.scratch.files(below: "store/.staging").contains("store/.staging/\(names[0])"))
  }

  @Test func whatCouldNotBeReadIsNotWritten() throws {
    var limits = RecordLimits()
    (limits.journal, limits.manifest) = (4000, 4000)
    let records = try fixture.open(limits: limits)
    try fixture.publish(fixture.version, in: records)
    for version in [draft, fixture.version] {
      var count = 0
      var refusal: StoreError?
      while refusal == nil, count < 100 {
        do throws(StoreError) {
          try records.transaction(fixture.model) { (records) throws(StoreError) in
            try records.change(version, [.put(RecordsFixture.file("file-\(number(count)).txt"))])
          }
          count += 1
        } catch {
          refusal = error
        }
      }
      #expect(refusal?.code == .system(errno: EFBIG) && refusal?.message.contains("\(version)") == true)
      #expect(count > 5)
      #expect(try records.folder(of: fixture.model, version)?.fileCount == count)
    }
    let before = try fixture.snapshot()
    let all = try records.published(fixture.model, fixture.version)
    let refused = #expect(throws: StoreError.self) {
      try records.transaction(fixture.model) { (records) throws(StoreError) in
        try records.publish(all, in: .models, switching: .never)
      }
    }
    #expect(refused?.message.contains("4000 are read") == true)
    let kept = #expect(throws: StoreError.self) {
      try records.transaction(fixture.model, backupsOf: fixture.version) { (records, backups) throws(StoreError) in
        try records.backUp(try records.manifest(fixture.version), beside: backups, isPinned: true, by: .current)
      }
    }
    #expect(kept?.code == .system(errno: EFBIG))
    #expect(try fixture.snapshot() == before)
    // All of it is still read, by whoever has the same limits.
    #expect(
      try FolderPicture(fixture.open(.reading, limits: limits).folder(of: fixture.model, fixture.version))
        == FolderPicture(all))
  }

  /// Random changes of a draft and of a version, in a store that is opened anew between them.
  @Test(arguments: 0..<12 as Range<UInt64>)
  func whatIsOnDiskIsWhatWasToldAfterEveryReopening(seed: UInt64) throws {
    var random = RandomChanges(seed: seed)
    do {
      let records = try fixture.open()
      try fixture.publish(fixture.version, files: [RecordsFixture.file("config.json")], in: records)
    }
    for round in 0..<4 {
      var pictures: [VersionName: FolderPicture] = [:]
      do {
        let records = try fixture.open()
        for version in [draft, fixture.version] {
          var folder =
            try records.folder(of: fixture.model, version)
            ?? VersionFolder(model: fixture.model, version: version, made: 0)
          for _ in 0..<3 {
            var changes: [FolderChange] = []
            for _ in 0..<(round == 2 ? 60 : 6) {
              changes.append(random.change(of: folder))
              folder.apply(changes[changes.count - 1])
            }
            try change(changes, of: version, in: records)
          }
          if round == 3, version == fixture.version {
            try records.transaction(fixture.model) { (records) throws(StoreError) in
              try records.publish(try records.published(version), in: .models, switching: .never)
            }
          }
          #expect(FolderPicture(try records.folder(of: fixture.model, version)) == FolderPicture(folder))
          pictures[version] = FolderPicture(folder)
        }
      }
      let records = try fixture.open()
      for (version, picture) in pictures {
        #expect(
          try FolderPicture(records.folder(of: fixture.model, version)) == picture,
          "seed \(seed), round \(round), \(version)")
      }
    }
  }

  private func journalSize(_ version: VersionName, revision: Int) throws(StoreError) -> Int {
    do { return try fixture.journalSize(version, revision: revision) } catch { throw StoreError(.damaged, "\(error)") }
  }

}
