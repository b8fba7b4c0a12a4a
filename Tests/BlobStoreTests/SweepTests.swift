import BlobStore
import Dispatch
import Synchronization
import Tensors
import TestSupport
import Testing

/// What a removal of blobs leaves.
@Suite struct SweepTests {
  private let fixture: BlobFixture

  init() throws { fixture = try BlobFixture() }

  /// Runs a sweep that keeps nothing by itself.
  private func sweep(_ body: () throws -> Void = {}) throws -> (count: Int, bytes: Int) {
    let sweep = fixture.store.beginSweep()
    try body()
    return try sweep.run(keeping: [])
  }

  @Test func whatNobodyNamesGoesAndWhatIsLiveStays() throws {
    let blobs = try (0..<20).map { try fixture.add($0) }
    let sweep = fixture.store.beginSweep()
    let planned = try sweep.run(keeping: Set(blobs[..<5]), isDryRun: true)
    #expect(planned.count == 15)
    #expect(try blobs.allSatisfy { try fixture.store.contains($0) })
    let done = try sweep.run(keeping: Set(blobs[..<5]))
    #expect(done == planned)
    #expect(
      try blobs.map { try fixture.store.contains($0) } == Array(repeating: true, count: 5)
        + Array(repeating: false, count: 15))
    #expect(try fixture.scratch.files(below: "staging").isEmpty)
  }

  @Test func whatIsPinnedBeforeOrDuringASweepStays() throws {
    let blobs = try (0..<4).map { try fixture.add($0) }
    let before = fixture.store.newPins()
    before.pin([blobs[0]])
    var during: BlobPins?
    let done = try sweep {
      during = fixture.store.newPins()
      during?.pin([blobs[1]])
      fixture.store.noteNamed([blobs[2]])
    }
    #expect(done.count == 1)
    #expect(try blobs.map { try fixture.store.contains($0) } == [true, true, true, false])
    withExtendedLifetime((before, during)) {}
  }

  @Test func aPinThatWasLetGoDuringASweepStillCountsForIt() throws {
    let blob = try fixture.add(1)
    #expect(try sweep { fixture.store.newPins().pin([blob]) }.count == 0)
    #expect(try fixture.store.contains(blob))
    // And not for the next.
    #expect(try sweep().count == 1)
  }

  @Test func aPinIsCountedForEachWhoHasIt() throws {
    let blob = try fixture.add(1)
    let first = fixture.store.newPins()
    first.pin([blob])
    do {
      let second = fixture.store.newPins()
      second.pin([blob, blob])
    }
    #expect(try sweep().count == 0)
    withExtendedLifetime(first) {}
  }

  @Test func whatIsStoredWhileASweepRunsStays() throws {
    for round in 0..<20 {
      let isDone = Atomic(false)
      let failures = Mutex<[String]>([])
      Threads.run(3) { thread in
        do {
          if thread == 0 {
            for _ in 0..<20 { _ = try sweep() }
            isDone.store(true, ordering: .relaxed)
            return
          }
          var number = 0
          while !isDone.load(ordering: .relaxed) {
            // All threads store the same few blobs, so that most are there already, or are just going.
            let pins = fixture.store.newPins()
            let blob = try fixture.store.store(fixture.bytes(number % 5), pins)
            guard try fixture.store.contents(of: blob, limit: 100) == fixture.bytes(number % 5) else {
              failures.withLock { $0.append("round \(round): \(blob) has gone") }
              return
            }
            number += 1
            withExtendedLifetime(pins) {}
          }
        } catch {
          isDone.store(true, ordering: .relaxed)
          failures.withLock { $0.append("round \(round): \(error)") }
        }
      }
      #expect(failures.withLock { $0 } == [])
    }
  }

  @Test func anOpenBlobKeepsItsBytesAndASweepCanBeStopped() throws {
    let blob = try fixture.store.open(try fixture.add(1))
    let sweep = fixture.store.beginSweep()
    #expect(throws: BlobStoreError.self) { _ = try sweep.run(keeping: []) { _, _ in false } }
    #expect(try fixture.store.contains(blob.id))
    #expect(try sweep.run(keeping: []).count == 1)
    #expect(try blob.contents(limit: 100) == fixture.bytes(1))
    #expect(throws: BlobStoreError.missing(blob.id)) { _ = try fixture.store.open(blob.id) }
  }
}
