import BlobStore
import PosixIO
import Synchronization
import SystemPackage
import Tensors
import TestSupport
import Testing

/// What becomes of a blob that is there, and is not what it was.
@Suite struct MendingTests {
  private let fixture: BlobFixture

  init() throws { fixture = try BlobFixture() }

  @Test func aDamagedBlobGivesWayToTheIntactOne() throws {
    let blob = try fixture.add(1)
    try fixture.damage(blob)
    #expect(throws: BlobStoreError.self) { try fixture.store.contents(of: blob, limit: 100) }
    let mended = Mutex<[Digest]>([])
    fixture.store.observeMoves { blob in mended.withLock { $0.append(blob) } }
    #expect(try fixture.add(1) == blob)
    #expect(try fixture.store.contents(of: blob, limit: 100) == fixture.bytes(1))
    #expect(mended.withLock { $0 } == [blob])
    // An intact one stays, and nobody is told.
    #expect(try fixture.add(1) == blob)
    #expect(mended.withLock { $0 } == [blob])
    #expect(try fixture.scratch.files(below: "staging").isEmpty)
  }

  @Test func whoeverReadTheDamagedFileGetsTheIntactOneWhenOpeningAnew() throws {
    let blob = try fixture.add(1)
    try fixture.damage(blob)
    let damaged = try fixture.store.open(blob)
    #expect(try damaged.contents(limit: 100) != fixture.bytes(1))
    _ = try fixture.add(1)
    #expect(try fixture.store.open(blob).contents(limit: 100) == fixture.bytes(1))
  }

  @Test func intactIsSaidOfBlobsThatAreThereWithAllTheirBytes() throws {
    let blob = try fixture.add(1)
    let table = SegmentTable(whole: fixture.bytes(1))
    #expect(try fixture.store.isIntact(table))
    try fixture.damage(blob)
    #expect(try !fixture.store.isIntact(table))
    #expect(try !BlobFixture().store.isIntact(table))
  }

  @Test func theLookAtABlobThatIsThereCanBeStopped() throws {
    _ = try fixture.add(1)
    var ingest = try fixture.store.beginIngest()
    try ingest.append(fixture.bytes(1))
    let table = try ingest.hash(storages: []).table
    do {
      _ = try ingest.commit(table, fixture.store.newPins()) { _ in false }
      Issue.record("it was not stopped")
    } catch {
      guard case .system(let cause) = error else { throw error }
      #expect(cause.errno == .interrupted)
    }
  }

  @Test func aCopyFromAnotherStoreMendsToo() throws {
    let other = try BlobFixture()
    let table = SegmentTable(whole: fixture.bytes(1))
    let blob = try fixture.add(1)
    _ = try other.add(1)
    try other.damage(blob)
    try other.store.adopt(table, from: fixture.store, other.store.newPins()) { _ in true }
    #expect(try other.store.contents(of: blob, limit: 100) == fixture.bytes(1))
    // Damage does not spread that way either.
    let third = try BlobFixture()
    try fixture.damage(blob)
    let source = BlobStore(root: try Folder.open(fixture.scratch("blobs")), staging: nil)
    #expect(throws: BlobStoreError.self) {
      try third.store.adopt(table, from: source, third.store.newPins()) { _ in true }
    }
    #expect(try !third.store.contains(blob))
  }
}
