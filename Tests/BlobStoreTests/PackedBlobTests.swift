import BlobStore
import Foundation
import PosixIO
import Synchronization
import SystemPackage
import Tensors
import TestSupport
import Testing

/// Blobs that are kept as compressed files.
@Suite struct PackedBlobTests {
  private let fixture: BlobFixture
  private var packing: BlobPacking { BlobPacking(fixture.store) }

  init() throws { fixture = try BlobFixture() }

  /// Stores bytes and compresses them.
  private func addPacked(_ bytes: [UInt8]) throws -> SegmentTable {
    let table = try fixture.addTwoSegments(bytes)
    guard case .done(let before, let after, _) = try packing.pack(table.blob, table, progress: { _ in true }) else {
      throw OracleFailure(description: "it was not compressed")
    }
    #expect(before == bytes.count && after < bytes.count * 9 / 10)
    return table
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  private func contents(_ blob: Digest, _ range: Range<Int>) throws -> [UInt8] {
    let opened = try fixture.store.open(blob)
    var bytes = [UInt8](repeating: 0, count: range.count)
    try bytes.withUnsafeMutableBytes { try opened.read(range, into: $0) }
    return bytes
  }

  @Test(arguments: [20_000, 131_072, 131_073, 262_143, 1_000_003])
  func anyRangeReadsAsBefore(size: Int) throws {
    let bytes = WeightBytes.make(size, width: 2)
    let table = try addPacked(bytes)
    let path = fixture.path(of: table.blob)
    #expect(!exists(path) && exists(path + ".z"))
    #expect(try fixture.scratch.files(below: "staging").isEmpty)
    let blob = try fixture.store.open(table.blob)
    #expect(blob.byteCount == size && blob.localFile == nil && blob.packedByteCount.map { $0 < size } == true)
    #expect(try blob.contents(limit: size) == bytes)
    var numbers = SeededNumbers(state: 9)
    for _ in 0..<300 {
      let start = Int.random(in: 0..<size, using: &numbers)
      let end = Int.random(in: start...min(size, start + 300_000), using: &numbers)
      #expect(try contents(table.blob, start..<end) == Array(bytes[start..<end]))
    }
    #expect(throws: BlobStoreError.self) { try contents(table.blob, size - 1..<size + 1) }
    #expect(try fixture.store.isIntact(table))
    #expect(try fixture.store.contains(table.blob))
  }

  @Test func itGoesBackToThePlainFile() throws {
    let bytes = WeightBytes.make(500_000)
    let table = try addPacked(bytes)
    let moved = Mutex(0)
    fixture.store.observeMoves { _ in moved.withLock { $0 += 1 } }
    guard case .done = try packing.thaw(table.blob, table, progress: { _ in true }) else {
      throw OracleFailure(description: "it was not taken back")
    }
    let path = fixture.path(of: table.blob)
    #expect(exists(path) && !exists(path + ".z") && moved.withLock { $0 } == 1)
    #expect(try fixture.store.open(table.blob).localFile != nil)
    #expect(try fixture.store.open(table.blob).contents(limit: 500_000) == bytes)
    #expect(try packing.thaw(table.blob, table, progress: { _ in true }) == .asWanted)
    #expect(try fixture.scratch.files(below: "staging").isEmpty)
  }

  @Test func whatHardlyShrinksStaysPlain() throws {
    let table = try fixture.addTwoSegments(WeightBytes.noise(400_000))
    #expect(try packing.pack(table.blob, table, progress: { _ in true }) == .hardlySmaller)
    #expect(try packing.estimate(table.blob) == .hardlySmaller)
    #expect(exists(fixture.path(of: table.blob)))
    #expect(try fixture.scratch.files(below: "staging").isEmpty)
  }

  @Test func anEstimateComesNearToWhatComesOfIt() throws {
    let table = try fixture.addTwoSegments(WeightBytes.make(20 << 20, width: 2))
    guard case .done(_, let estimated, _) = try packing.estimate(table.blob),
      case .done(_, let size, _) = try packing.pack(table.blob, table, progress: { _ in true })
    else { throw OracleFailure(description: "it was not compressed") }
    #expect(abs(estimated - size) < size / 50, "\(estimated) \(size)")
  }

  /// A damaged plain file must not become a compressed one that seems intact.
  @Test func damageIsNotCompressed() throws {
    let bytes = WeightBytes.make(300_000)
    let table = try fixture.addTwoSegments(bytes)
    try fixture.damage(table.blob)
    let error = #expect(throws: BlobStoreError.self) { try packing.pack(table.blob, table, progress: { _ in true }) }
    guard case .damaged = error else { throw OracleFailure(description: "\(error as Any)") }
    #expect(exists(fixture.path(of: table.blob)) && !exists(fixture.path(of: table.blob) + ".z"))
    #expect(try fixture.scratch.files(below: "staging").isEmpty)
  }

  @Test func itCanBeStopped() throws {
    let table = try fixture.addTwoSegments(WeightBytes.make(3 << 20))
    for calls in [0, 1, 2] {
      let count = Mutex(0)
      let error = #expect(throws: BlobStoreError.self) {
        try packing.pack(table.blob, table, threads: 1) { _ in
          count.withLock {
            $0 += 1; return $0 <= calls
          }
        }
      }
      guard case .system(let cause) = error else { throw OracleFailure(description: "\(error as Any)") }
      #expect(cause.errno == .interrupted)
      #expect(exists(fixture.path(of: table.blob)) && !exists(fixture.path(of: table.blob) + ".z"))
      #expect(try fixture.scratch.files(below: "staging").isEmpty)
    }
  }

  // MARK: Both files, and sweeps

  /// What an interruption between the two last steps leaves.
  private func leaveBoth(_ bytes: [UInt8]) throws -> SegmentTable {
    let table = try addPacked(bytes)
    let packed = fixture.path(of: table.blob) + ".z"
    let copy = fixture.scratch("copy.z")
    try FileManager.default.copyItem(atPath: packed, toPath: copy)
    _ = try packing.thaw(table.blob, table) { _ in true }
    try FileManager.default.moveItem(atPath: copy, toPath: packed)
    return table
  }

  @Test func ofTwoFilesThePlainOneCountsAndASweepDropsTheOther() throws {
    let bytes = WeightBytes.make(300_000)
    let table = try leaveBoth(bytes)
    try fixture.scratch.write(
      "blobs/\(table.blob.hexadecimal.prefix(2))/\(table.blob.hexadecimal.dropFirst(2)).z", [1, 2])
    #expect(try fixture.store.open(table.blob).contents(limit: 300_000) == bytes)
    let planned = try fixture.store.beginSweep().run(keeping: [table.blob], isDryRun: true)
    #expect(planned.count == 0 && planned.bytes == 2)
    let swept = try fixture.store.beginSweep().run(keeping: [table.blob])
    #expect(swept.count == 0 && swept.bytes == 2)
    let path = fixture.path(of: table.blob)
    #expect(exists(path) && !exists(path + ".z"))
  }

  @Test func aSweepRemovesWhatNobodyNamesAndKeepsWhatIsLiveOrPinned() throws {
    let tables = try (1...3).map { try addPacked(WeightBytes.make(200_000, seed: UInt64($0))) }
    let pins = fixture.store.newPins()
    pins.pin([tables[1].blob])
    let sweep = fixture.store.beginSweep()
    #expect(try sweep.run(keeping: [tables[0].blob]).count == 1)
    for (index, table) in tables.enumerated() {
      #expect(exists(fixture.path(of: table.blob) + ".z") == (index < 2))
      #expect(try fixture.store.contains(table.blob) == (index < 2))
    }
    withExtendedLifetime(pins) {}
  }

  @Test func theIntactFileMendsADamagedCompressedOne() throws {
    let bytes = WeightBytes.make(300_000)
    let table = try addPacked(bytes)
    let packed = fixture.path(of: table.blob) + ".z"
    var file = try Data(contentsOf: URL(fileURLWithPath: packed))
    file[1000] ^= 1
    try FileManager.default.removeItem(atPath: packed)
    try file.write(to: URL(fileURLWithPath: packed))
    fixture.store.observeMoves { _ in }
    #expect(try !fixture.store.isIntact(table))
    // Only what lies in the damaged block is lost.
    #expect(try fixture.store.damagedSegments([0, 1], of: table) == [0, 1])
    #expect(try fixture.addTwoSegments(bytes) == table)
    #expect(try fixture.store.isIntact(table))
    #expect(exists(fixture.path(of: table.blob)) && !exists(packed))
  }

  @Test func readersNoticeNothingOfIt() throws {
    let bytes = WeightBytes.make(600_000)
    let table = try fixture.addTwoSegments(bytes)
    let failures = Mutex<[String]>([])
    let isDone = Atomic(false)
    let (store, packing) = (fixture.store, packing)
    Threads.run(5) { index in
      do {
        if index == 0 {
          for _ in 0..<15 {
            _ = try packing.pack(table.blob, table) { _ in true }
            _ = try packing.thaw(table.blob, table) { _ in true }
          }
          isDone.store(true, ordering: .relaxed)
        } else {
          var numbers = SeededNumbers(state: UInt64(index))
          while !isDone.load(ordering: .relaxed) {
            let start = Int.random(in: 0..<500_000, using: &numbers)
            var found = [UInt8](repeating: 0, count: 70_000)
            let blob = try store.open(table.blob)
            try found.withUnsafeMutableBytes { try blob.read(start..<start + 70_000, into: $0) }
            guard found.elementsEqual(bytes[start..<start + 70_000]) else {
              throw OracleFailure(description: "other bytes at \(start)")
            }
          }
        }
      } catch {
        isDone.store(true, ordering: .relaxed)
        failures.withLock { $0.append("\(index): \(error)") }
      }
    }
    #expect(failures.withLock { $0 } == [])
  }

  @Test func aCopyInTheStagingFolderIsPlain() throws {
    let bytes = WeightBytes.make(300_000)
    let table = try addPacked(bytes)
    let file = try fixture.store.stage(table.blob, as: "upload.1")
    #expect(try file.contents(limit: 300_000) == bytes)
  }

  // MARK: The file

  @Test func othersReadItWithZstd() throws {
    let bytes = WeightBytes.make(1_000_001, width: 2) + WeightBytes.make(300_003) + WeightBytes.noise(150_000)
    let table = try addPacked(bytes)
    let packed = fixture.path(of: table.blob) + ".z"
    let test = try Command.run("zstd", ["-t", packed])
    #expect(test.status == 0, "\(test.errorText)")
    let unpacked = fixture.scratch("unpacked")
    let oracle = try Python.run(script: Python.oraclesFolder + "/unpack_blob.py", [packed, unpacked])
    #expect(oracle.status == 0, "\(oracle.errorText)")
    #expect(try fixture.scratch.read("unpacked") == bytes)
  }

  @Test func noDamagedByteIsReadWrongly() throws {
    let bytes = WeightBytes.make(40_000, width: 2)
    let table = try addPacked(bytes)
    let path = fixture.path(of: table.blob) + ".z"
    let intact = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    try FileManager.default.removeItem(atPath: path)
    var wrong = 0
    var refused = 0
    func look(_ damaged: [UInt8]) throws {
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      let store = BlobStore(root: try Folder.open(fixture.scratch("blobs")), staging: nil)
      do {
        if try store.open(table.blob).contents(limit: 1 << 20) != bytes { wrong += 1 }
      } catch {
        guard case .damaged = error else { throw error }
        refused += 1
      }
    }
    // All of the index and the beginning, and every seventh byte between.
    let indices = intact.indices.filter { $0 < 64 || $0 % 7 == 0 || $0 > intact.count - 64 }
    for index in indices {
      var damaged = intact
      damaged[index] ^= index % 2 == 0 ? 0x10 : 0x01
      try look(damaged)
    }
    #expect(wrong == 0 && refused > indices.count - 8, "\(wrong) \(refused) of \(indices.count)")
    refused = 0
    for count in stride(from: 0, to: intact.count, by: 501) { try look(Array(intact.prefix(count))) }
    #expect(wrong == 0 && refused == (intact.count + 500) / 501)
  }
}
