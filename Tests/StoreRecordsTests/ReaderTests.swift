import Dispatch
import Foundation
import Glibc
import StoreRecords
import Synchronization
import TestSupport
import Testing

/// Those who only read a store that another process changes.
@Suite struct ReaderTests {
  private let fixture: RecordsFixture

  init() throws {
    fixture = try RecordsFixture()
    let records = try fixture.open()
    try fixture.publish(fixture.version, in: records)
  }

  /// Gives files and folders of the store the times that they had, as a clock does whose ticks are long.
  private func atOneMoment<R>(_ paths: [String], _ body: () throws -> R) throws -> R {
    func times(_ path: String) throws -> timespec {
      var status = stat()
      guard stat(fixture.scratch(path), &status) == 0 else { throw OracleFailure(description: "\(path): \(errno)") }
      return status.st_mtim
    }
    let before = try paths.map(times)
    let result = try body()
    for (path, time) in zip(paths, before) {
      var pair = [time, time]
      guard utimensat(AT_FDCWD, fixture.scratch(path), &pair, 0) == 0 else {
        throw OracleFailure(description: "\(path): \(errno)")
      }
    }
    return result
  }

  private static let stamped = [
    "store", "store/weight_config.json", "store/models", "store/models/mamba", "store/folders",
  ]

  /// Longer than changes may go unseen.
  private func wait() { usleep(300_000) }

  @Test func aSecondChangeWithinOneTickOfTheClockIsSeen() throws {
    let reader = try fixture.open(.reading)
    try reader.refresh()
    let writer = try fixture.open()
    let second = try VersionName(validating: "v2")
    try fixture.publish(second, seed: 2, in: writer)
    wait()
    #expect(try reader.refresh())
    #expect(try reader.versions(of: fixture.model) == [fixture.version, second])
    let third = try VersionName(validating: "v3")
    try atOneMoment(Self.stamped) { try fixture.publish(third, seed: 3, in: writer) }
    wait()
    #expect(try reader.refresh())
    #expect(try reader.versions(of: fixture.model) == [fixture.version, second, third])
    // A file that comes into a folder, and a link.
    try atOneMoment(Self.stamped) {
      try writer.transaction(fixture.model) { (records) throws(StoreError) in
        try records.change(third, [.put(RecordsFixture.file("config.json"))])
      }
    }
    wait()
    #expect(try reader.refresh())
    #expect(try reader.published(fixture.model, third).publishedFiles.map(\.path) == ["config.json"])
    try atOneMoment(Self.stamped) {
      _ = try writer.transaction(fixture.model) { (records) throws(StoreError) in
        try records.switchActive(to: third, by: .current, isRollback: false)
      }
    }
    wait()
    #expect(try reader.refresh())
    #expect(reader.activeVersion(of: fixture.model) == third)
    wait()
    #expect(try !reader.refresh())
  }

  @Test func aPolicyThatChangesTwiceWithinOneTickIsSeen() throws {
    let reader = try fixture.open(.reading)
    let writer = try fixture.open()
    func set(_ keep: Int) throws {
      var policies = PolicySettings()
      try policies.set(.keep, to: String(keep))
      let decided = policies
      try writer.transaction(fixture.model) { (records) throws(StoreError) in
        try records.configure { $0.policies = decided }
      }
    }
    try set(5)
    wait()
    try reader.refresh()
    #expect(reader.policies(of: fixture.model).keep == 5)
    try atOneMoment(Self.stamped) { try set(6) }
    wait()
    try reader.refresh()
    #expect(reader.policies(of: fixture.model).keep == 6)
  }

  @Test func aVersionThatHasGoneMeanwhileIsUnknownAndNotAFailureOfTheSystem() throws {
    let reader = try fixture.open(.reading)
    #expect(try reader.versions(of: fixture.model) == [fixture.version])
    let writer = try fixture.open()
    try writer.transaction(fixture.model) { (records) throws(StoreError) in try records.retract(fixture.version) }
    let error = #expect(throws: StoreError.self) { try reader.manifest(of: fixture.model, fixture.version) }
    #expect(error?.code == .unknownModel || error?.code == .unknownVersion, "\(String(describing: error))")
  }

  /// A folder changes again and again, its manifest and its journal in turn; all that a reader sees is of one moment.
  @Test func aReaderNeverSeesAManifestOfOneMomentWithTheJournalOfAnother() throws {
    let writer = try fixture.open()
    let rounds = 150
    let isDone = Atomic(false)
    let problems = Mutex<[String]>([])
    let looks = Atomic(0)
    let seen = Mutex<Set<Int>>([])
    Threads.run(3) { thread in
      do {
        if thread == 0 {
          defer { isDone.store(true, ordering: .relaxed) }
          for round in 1...rounds {
            try writer.transaction(fixture.model) { (records) throws(StoreError) in
              // Both files have the number of the round, in one line each: a reader may see the first alone.
              try records.change(
                fixture.version,
                [
                  .put(RecordsFixture.file("a.txt", seed: round)), .put(RecordsFixture.file("b.txt", seed: round)),
                ])
              if round % 2 == 0 {
                // Takes the journal into the manifest: no reader sees less than before.
                try records.publish(try records.published(fixture.version), in: .models, switching: .never)
              }
            }
          }
          return
        }
        var last = 0
        while !isDone.load(ordering: .relaxed) {
          let reader = try fixture.open(.reading)
          let folder = try reader.published(fixture.model, fixture.version)
          let (a, b) = (folder.file(at: "a.txt")?.byteCount ?? 10, folder.file(at: "b.txt")?.byteCount ?? 10)
          looks.add(1, ordering: .relaxed)
          seen.withLock { _ = $0.insert(b) }
          if a < b || a > b + 1 || b < last { problems.withLock { $0.append("\(a) \(b) after \(last)") } }
          last = b
        }
      } catch {
        problems.withLock { $0.append("\(error)") }
      }
    }
    #expect(problems.withLock { $0 } == [])
    #expect(looks.load(ordering: .relaxed) > rounds / 4 && seen.withLock { $0.count } > 10)
  }
}
