import Foundation
import Glibc
import Logging
import PosixIO
import StoreRecords
import TestSupport
import Testing

/// A process that ends at any durable step of a change leaves a folder as it was before, or as it is after it.
@Suite struct RecordFaultTests {
  /// A change of a version's folder, in a store where ``prepare(_:in:)`` has made what it needs.
  enum Change: String, Codable, CaseIterable {
    /// A line more in a journal.
    case draft, version
    /// A line that makes a journal too long: it is written anew, and of a version its manifest, too.
    case longDraft, longVersion
    /// A draft becomes a version, and active.
    case publication

    var isPublished: Bool { self == .version || self == .longVersion }
    var isLong: Bool { self == .longDraft || self == .longVersion }
  }

  /// Opens a store and carries out a change in it. Of the steps on standard error those that follow "opened" are the change's.
  static func perform(_ change: Change, inStoreAt path: String) throws {
    let fixture = try RecordsFixture()
    let records = try RecordStore(
      path: path, access: .writing(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    FileHandle.standardError.write(Data("opened\n".utf8))
    try records.transaction(fixture.model) { (records) throws(StoreError) in
      guard change == .publication else {
        return try records.change(fixture.version, [.put(RecordsFixture.file("late.txt", seed: 2))])
      }
      var folder =
        try records.folder(fixture.version) ?? VersionFolder(model: fixture.model, version: fixture.version, made: 0)
      folder.replaceManifest(with: fixture.manifest(fixture.version))
      try records.publish(folder, in: .models, switching: .ifNone)
    }
  }

  /// Lets a fault happen in this process, whose own files go with the store.
  static func plan(_ fault: String, inStoreAt path: String) {
    setenv("TANTRA_FAULT", fault, 1)
    setenv("TMPDIR", String(path.dropLast("/run".count)), 1)
  }

  /// Makes the store as it is before a change; answers the name of an upload that the folder needs all the time.
  private func prepare(_ change: Change, in fixture: RecordsFixture) throws -> String {
    let records = try fixture.open()
    if change.isPublished { try fixture.publish(fixture.version, in: records) }
    let upload = try records.uploads.begin()
    try upload.file.write([7, 8, 9], at: 0)
    var changes = [
      FolderChange.put(.init(path: ".tmp", content: .upload(upload.name), byteCount: 3, modified: 0)),
      .put(RecordsFixture.file("a.txt")),
    ]
    for time in 0..<(change.isLong ? 80 : 0) { changes.append(.setModified("a.txt", Int64(time))) }
    try records.transaction(fixture.model) { (records) throws(StoreError) in
      try records.change(fixture.version, changes)
    }
    return upload.name
  }

  @Test(arguments: Change.allCases)
  func aProcessThatEndsAtAnyStepLeavesTheFolderAsItWasOrAsItIsAfter(change: Change) async throws {
    let fixture = try RecordsFixture()
    let upload = try prepare(change, in: fixture)
    let run = fixture.scratch("run")
    func restore() throws {
      let command = try Command.run("sh", ["-c", "rm -rf '\(run)' && cp -r '\(fixture.path)' '\(run)'"])
      guard command.status == 0 else { throw OracleFailure(description: command.errorText) }
    }
    func picture() throws -> FolderPicture {
      let records = try RecordStore(
        path: run, access: .writing(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let folder = try records.folder(of: fixture.model, fixture.version)
      #expect(folder?.isPublished == (records.activeVersion(of: fixture.model) == fixture.version))
      #expect(try fixture.scratch.read("run/.staging/\(upload)") == [7, 8, 9])
      return FolderPicture(folder)
    }

    try restore()
    let before = try picture()
    try restore()
    let traced = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      [change = change as Change, run = run as String] in
      RecordFaultTests.plan("trace:*:1+", inStoreAt: run)
      try RecordFaultTests.perform(change, inStoreAt: run)
    }
    let lines = String(decoding: try #require(traced).standardErrorContent, as: UTF8.self).split(separator: "\n")
    let opened = try #require(lines.firstIndex(of: "opened"))
    let steps = lines.map { $0.hasPrefix("step\t") }
    let (first, last) = (steps[..<opened].count { $0 } + 1, steps.count { $0 })
    let after = try picture()
    #expect(before != after && last - first >= 2)

    for step in first...last {
      try restore()
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [change = change as Change, run = run as String, step = step as Int] in
        RecordFaultTests.plan("kill:*:\(step)", inStoreAt: run)
        try RecordFaultTests.perform(change, inStoreAt: run)
      }
      let found = try picture()
      #expect(found == before || found == after, "step \(step - first + 1) of \(last - first + 1)")
      try Self.perform(change, inStoreAt: run)
      #expect(try picture() == after, "given again after step \(step - first + 1) of \(last - first + 1)")
    }
  }
}
