import BlobStore
import Foundation
import Tensors
import TestSupport
import Testing

/// Blobs that are compressed as differences from others.
@Suite struct DifferenceTests {
  private let fixture: BlobFixture
  private var packing: BlobPacking { BlobPacking(fixture.store) }

  init() throws { fixture = try BlobFixture() }

  /// Weights that training has moved a little: the lowest bits of each are others.
  private func tuned(_ bytes: [UInt8], seed: UInt64) -> [UInt8] {
    var numbers = SeededNumbers(state: seed)
    var tuned = bytes
    for index in stride(from: 0, to: bytes.count - 3, by: 4) {
      tuned[index] = UInt8(truncatingIfNeeded: numbers.next())
    }
    return tuned
  }

  /// All of a blob is like another one, from an offset there.
  private func like(_ base: SegmentTable, _ count: Int, at start: Int = 0, of offset: Int = 0) -> Resemblance {
    Resemblance([.init(offset..<count, in: base.blob, from: start)], tables: [base.blob: base])
  }

  private func exists(_ blob: Digest, _ suffix: String = "") -> Bool {
    FileManager.default.fileExists(atPath: fixture.path(of: blob) + suffix)
  }

  /// - Returns: what the blob is a difference from, and what is left of it.
  private func pack(
    _ table: SegmentTable, _ candidates: [Resemblance] = [], again: Bool = false
  ) throws -> (bases: Set<Digest>, share: Double) {
    guard
      case .done(_, let after, let bases) = try packing.pack(
        table.blob, table, from: candidates, again: again, progress: { _ in true })
    else { throw OracleFailure(description: "it was not compressed") }
    #expect(try fixture.store.open(table.blob).bases == bases)
    return (bases, Double(after) / Double(table.byteCount))
  }

  private func expect(_ table: SegmentTable, reads bytes: [UInt8]) throws {
    let blob = try fixture.store.open(table.blob)
    #expect(try blob.contents(limit: bytes.count) == bytes)
    var numbers = SeededNumbers(state: 5)
    for _ in 0..<60 {
      let start = Int.random(in: 0..<bytes.count, using: &numbers)
      let end = Int.random(in: start...min(bytes.count, start + 200_000), using: &numbers)
      var found = [UInt8](repeating: 0, count: end - start)
      try found.withUnsafeMutableBytes { try blob.read(start..<end, into: $0) }
      #expect(found == Array(bytes[start..<end]))
    }
  }

  /// A version whose header has another length than that of its base, and one in the other direction.
  @Test(arguments: [0, 64, 4096, 100_000])
  func aDifferenceTakesLessAndReadsTheSame(shift: Int) throws {
    let tensor = WeightBytes.make(900_000)
    let (first, second) = (WeightBytes.noise(shift) + tensor, tuned(tensor, seed: 2))
    let third = WeightBytes.noise(shift / 2, seed: 3) + tuned(tensor, seed: 4)
    let (base, table, other) = (
      try fixture.addTwoSegments(first), try fixture.addTwoSegments(second), try fixture.addTwoSegments(third)
    )
    let packed = try pack(table, [like(base, second.count, at: shift)])
    #expect(packed.bases == [base.blob] && packed.share < 0.55, "\(packed)")
    let packedToo = try pack(other, [like(base, third.count, at: shift, of: shift / 2)])
    #expect(packedToo.bases == [base.blob] && packedToo.share < 0.72, "\(packedToo)")
    try expect(table, reads: second)
    try expect(other, reads: third)
    // The base itself may be compressed, but not as a difference.
    let alone = try pack(base, [like(table, first.count, of: shift)])
    #expect(alone.bases.isEmpty)
    try expect(table, reads: second)
    try expect(other, reads: third)
    try expect(base, reads: first)
    #expect(try fixture.store.isIntact(table) && fixture.store.isIntact(other))
    #expect(try packing.thaw(table.blob, table) { _ in true } != .asWanted)
    #expect(try fixture.store.open(table.blob).localFile != nil)
    try expect(table, reads: second)
  }

  @Test func othersReadADifferenceWithZstdAndItsBase() throws {
    let first = WeightBytes.make(700_000)
    let second = WeightBytes.noise(70_000, seed: 8) + tuned(first, seed: 2)
    let (base, table) = (try fixture.addTwoSegments(first), try fixture.addTwoSegments(second))
    let packed = try pack(
      table, [Resemblance([.init(70_000..<770_000, in: base.blob, from: 0)], tables: [base.blob: base])])
    #expect(packed.bases == [base.blob])
    let oracle = try Python.run(
      script: Python.oraclesFolder + "/unpack_blob.py",
      [fixture.path(of: table.blob) + ".z", fixture.scratch("unpacked"), fixture.path(of: base.blob)])
    #expect(oracle.status == 0, "\(oracle.errorText)")
    #expect(try fixture.scratch.read("unpacked") == second)
  }

  @Test func whatIsNotAlikeStandsForItself() throws {
    let (first, second) = (WeightBytes.make(600_000, seed: 1), WeightBytes.make(600_000, seed: 2))
    let (base, table) = (try fixture.addTwoSegments(first), try fixture.addTwoSegments(second))
    #expect(try pack(table, [like(base, second.count)]).bases.isEmpty)
    guard case .done(_, _, let bases) = try packing.estimate(base.blob, from: [like(table, first.count)]) else {
      throw OracleFailure(description: "it would not be compressed")
    }
    #expect(bases.isEmpty)
  }

  @Test func theBestOfSeveralIsTaken() throws {
    let bytes = WeightBytes.make(600_000)
    let near = tuned(bytes, seed: 2)
    var far = tuned(bytes, seed: 3)
    var numbers = SeededNumbers(state: 9)
    for index in stride(from: 1, to: far.count, by: 4) { far[index] = UInt8(truncatingIfNeeded: numbers.next()) }
    let (table, nearTable, farTable) = (
      try fixture.addTwoSegments(bytes), try fixture.addTwoSegments(near), try fixture.addTwoSegments(far)
    )
    let packed = try pack(table, [like(farTable, bytes.count), like(nearTable, bytes.count)])
    #expect(packed.bases == [nearTable.blob])
  }

  @Test func aDifferenceIsNoBase() throws {
    let first = WeightBytes.make(600_000)
    let (second, third) = (tuned(first, seed: 2), tuned(first, seed: 3))
    let (one, two, three) = (
      try fixture.addTwoSegments(first), try fixture.addTwoSegments(second), try fixture.addTwoSegments(third)
    )
    #expect(try pack(two, [like(one, second.count)]).bases == [one.blob])
    #expect(try pack(three, [like(two, third.count)]).bases.isEmpty)
    // Anew, as somebody wants: from another base, and by itself.
    #expect(try pack(three, [like(one, third.count)], again: true).bases == [one.blob])
    #expect(try packing.pack(three.blob, three, from: [like(one, third.count)], again: true) { _ in true } == .asWanted)
    #expect(try packing.pack(three.blob, three) { _ in true } == .asWanted)
    #expect(try pack(three, again: true).bases.isEmpty)
    for (table, bytes) in [(one, first), (two, second), (three, third)] { try expect(table, reads: bytes) }
    // Nobody depends on what it was, so that it may go.
    #expect(try fixture.store.beginSweep().run(keeping: [three.blob]).count == 2)
    try expect(three, reads: third)
  }

  /// Differences from damaged bytes would be wrong once these are mended.
  @Test func whatIsDamagedIsNoBase() throws {
    let first = WeightBytes.make(600_000)
    let second = tuned(first, seed: 2)
    let (base, table) = (try fixture.addTwoSegments(first), try fixture.addTwoSegments(second))
    try fixture.damage(base.blob)
    #expect(try pack(table, [like(base, second.count)]).bases.isEmpty)
  }

  // MARK: Bases stay

  @Test func aSweepKeepsWhatLiveBlobsAreDifferencesFrom() throws {
    let first = WeightBytes.make(400_000)
    let (second, third) = (tuned(first, seed: 2), tuned(first, seed: 3))
    let (base, table, other) = (
      try fixture.addTwoSegments(first), try fixture.addTwoSegments(second), try fixture.addTwoSegments(third)
    )
    for (table, bytes) in [(table, second), (other, third)] {
      #expect(try pack(table, [like(base, bytes.count)]).bases == [base.blob])
    }
    // As another process finds it, which has to read what the files say.
    let again = try fixture.reopened()
    #expect(try again.differences == [table.blob: [base.blob], other.blob: [base.blob]])
    #expect(try again.beginSweep().run(keeping: [table.blob], isDryRun: true).count == 1)
    #expect(try again.beginSweep().run(keeping: [table.blob]).count == 1)
    #expect(exists(base.blob) && exists(table.blob, ".z") && !exists(other.blob, ".z"))
    try expect(table, reads: second)
    // When the last has gone it goes, too, in the same sweep.
    #expect(try again.beginSweep().run(keeping: [], isDryRun: true).count == 2)
    #expect(try again.beginSweep().run(keeping: []).count == 2)
    #expect(!exists(base.blob) && !exists(table.blob, ".z"))
  }

  @Test func whatIsPinnedKeepsItsBase() throws {
    let first = WeightBytes.make(400_000)
    let second = tuned(first, seed: 2)
    let (base, table) = (try fixture.addTwoSegments(first), try fixture.addTwoSegments(second))
    _ = try pack(table, [like(base, second.count)])
    let pins = fixture.store.newPins()
    pins.pin([table.blob])
    #expect(try fixture.store.beginSweep().run(keeping: []).count == 0)
    try expect(table, reads: second)
    withExtendedLifetime(pins) {}
  }

  @Test func aMissingBaseIsDamageThatTheFileMends() throws {
    let first = WeightBytes.make(400_000)
    let second = tuned(first, seed: 2)
    let (base, table) = (try fixture.addTwoSegments(first), try fixture.addTwoSegments(second))
    _ = try pack(table, [like(base, second.count)])
    try FileManager.default.removeItem(atPath: fixture.path(of: base.blob))
    let store = try fixture.reopened()
    let error = #expect(throws: BlobStoreError.self) { try store.open(table.blob) }
    guard case .damaged(_, let what) = error else { throw OracleFailure(description: "\(error as Any)") }
    #expect(what.contains("\(base.blob)") && what.contains("is missing"))
    #expect(throws: BlobStoreError.self) { try store.isIntact(table) }
    var ingest = try store.beginIngest()
    try ingest.append(first)
    _ = try ingest.commit(base, store.newPins())
    #expect(try store.isIntact(table))
  }

  /// The base is mended under those who have the difference open.
  @Test func aMendedBaseMendsItsDifferences() throws {
    let first = WeightBytes.make(400_000)
    let second = tuned(first, seed: 2)
    let (base, table) = (try fixture.addTwoSegments(first), try fixture.addTwoSegments(second))
    _ = try pack(table, [like(base, second.count)])
    let open = try fixture.store.open(table.blob)
    try fixture.damage(base.blob)
    #expect(try !fixture.store.isIntact(table))
    #expect(try fixture.addTwoSegments(first) == base)
    try expect(table, reads: second)
    withExtendedLifetime(open) {}
  }
}
