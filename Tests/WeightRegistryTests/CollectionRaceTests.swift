import BlobStore
import Dispatch
import Foundation
import StoreRecords
import Synchronization
import TestSupport
import Testing
import WeightRegistry

/// A purge beside everything else.
@Suite struct CollectionRaceTests {
  private let fixture: RegistryFixture
  private let registry: WeightRegistry

  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
  }

  private static let hour: Int64 = 3600 * 1_000_000_000

  /// Tensors that some versions share.
  private static func weights(_ seed: Int) -> SmallWeights {
    SmallWeights(
      (0..<4).map { index in ("layer.\(index)", (0..<256).map { Float($0 &+ (index == 3 ? seed : index) &* 7919) }) })
  }

  /// Copies a version by its records alone, with its first file under another name.
  private static func clone(
    _ version: VersionName, of model: ModelName, as names: [VersionName], in registry: WeightRegistry
  ) throws(StoreError) {
    for name in names {
      let source = try registry.records.manifest(of: model, version)
      let isCloned = try registry.importing.clone(
        "safetensors", of: source, as: "safetensors", of: model, name, modified: 7)
      if !isCloned { throw StoreError(.damaged, "\(name) was not cloned") }
      if let file = source.files.first {
        try registry.folders.put(file.moved(to: "copy.txt"), in: model, name)
      }
    }
  }

  @Test func nothingThatIsNamedIsLost() throws {
    let (model, registry, fixture) = (fixture.model, registry, fixture)
    func request(_ text: String, _ seed: Int) throws -> ImportRequest {
      ImportRequest(
        model: model, version: try VersionName(validating: text),
        source: try fixture.scratch.write("\(text).safetensors", try Self.weights(seed).safetensors()),
        view: "safetensors",
        files: [.init(source: try fixture.scratch.write("\(text).txt", Array("file \(seed)".utf8)), path: "notes.txt")])
    }
    let other = try ModelName(validating: "other")
    let rounds = 25
    try registry.importing(try request("base", 100))
    for name in ["gone", "moved"] { try registry.importing(try request(name, 200)) }
    // Requests of two threads that store the same bytes, one of which removes and purges them again and again.
    let kept = try (0..<rounds).map { try request("kept-\($0)", $0) }
    let junk = try (0..<rounds).map { try request("junk-\($0)", $0) }
    let (gone, moved, base) = (
      try VersionName(validating: "gone"), try VersionName(validating: "moved"), try VersionName(validating: "base")
    )
    let names = try (0..<rounds).map { try VersionName(validating: "clone-\($0)") }
    let isDone = Atomic(false)
    let errors = Mutex<[String]>([])
    let bodies: [@Sendable () throws -> Void] = [
      { () throws in for request in kept { try registry.importing(request) } },
      { () throws in
        for request in junk {
          try registry.importing(request)
          try registry.retention.retire(model, request.version)
          _ = try registry.retention.purge(model, request.version)
        }
      },
      { () throws in
        for _ in 0..<rounds {
          try registry.retention.retire(model, gone)
          try registry.retention.restore(model, gone)
        }
      },
      { () throws in
        for round in 0..<rounds {
          let isThere = round % 2 == 0
          try registry.folders.move(isThere ? model : other, moved, to: isThere ? other : model, moved, by: .current)
          if isThere { try registry.activation.removeActive(of: other, by: .current) }
        }
      },
      { () throws in try Self.clone(base, of: model, as: names, in: registry) },
    ]
    Threads.run(bodies.count + 1) { index in
      do {
        if index < bodies.count {
          try bodies[index]()
        } else {
          while !isDone.load(ordering: .relaxed) { _ = try registry.retention.purge(nil, nil, olderThan: Self.hour) }
        }
      } catch {
        errors.withLock { $0.append("\(index): \(error)") }
      }
      if index == 0 { isDone.store(true, ordering: .relaxed) }
    }
    #expect(errors.withLock { $0 } == [])
    for model in registry.records.models {
      for version in try registry.records.versions(of: model) {
        let report = try registry.validation.validate(model, version)
        #expect(report.isValid, "\(report.text)")
      }
    }
    #expect(try registry.records.versions(of: model).count >= 2 + 2 * rounds)
    // And again by whoever knows nothing but the disk.
    let reader = try fixture.open(.reading)
    for request in kept { #expect(try reader.validation.validate(model, request.version).isValid) }
  }

  /// Two threads that wait for each other at a step.
  private final class Latch: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func open() { semaphore.signal() }
    func wait() -> Bool {
      defer { semaphore.signal() }
      return semaphore.wait(timeout: .now() + 30) == .success
    }
  }

  @Test func aVersionThatIsRestoredAndRemovedAnewDuringAPurgeIsStillKept() throws {
    let (model, registry) = (fixture.model, registry)
    for (name, seed) in [("v1", 1), ("v2", 2)] {
      try fixture.importFile(try Self.weights(seed).safetensors(), as: "safetensors", version: name, into: registry)
    }
    let version = try VersionName(validating: "v2")
    try registry.retention.retire(model, version)
    // All folders are known, so that the purge waits for the model's lock only when it forgets the record.
    for version in try registry.records.versions(of: model) { _ = try registry.records.folder(of: model, version) }
    let record = try #require(try registry.records.backups(of: model, version).first)
    let (isHeld, isWaiting) = (Latch(), Latch())
    let errors = Mutex<[StoreError]>([])
    Threads.run(2) { thread in
      do throws(StoreError) {
        if thread == 0 {
          try registry.records.transaction(model) { (records) throws(StoreError) in
            isHeld.open()
            guard isWaiting.wait() else { throw StoreError(.interrupted, "the purge never came") }
            try records.publish(VersionFolder(record.manifest), in: .models, switching: .never)
            try records.drop(record)
            let again = try records.backUp(
              try records.manifest(version), beside: [], isPinned: false, by: .current)
            guard again.number == record.number else { throw StoreError(.damaged, "it has another number") }
            try records.retract(version)
          }
        } else {
          guard isHeld.wait() else { throw StoreError(.interrupted, "nobody holds the lock") }
          _ = try registry.retention.purge(nil, nil) { phase, _, _ in
            if phase == .waiting { isWaiting.open() }
            return true
          }
        }
      } catch {
        errors.withLock { $0.append(error) }
      }
    }
    #expect(errors.withLock { $0 } == [])
    try registry.retention.restore(model, version)
    #expect(try registry.validation.validate(model, version).isValid)
  }

  @Test func whatIsPinnedDuringAPurgeStays() throws {
    let (model, registry) = (fixture.model, registry)
    try fixture.importFile(try Self.weights(1).safetensors(), as: "safetensors", version: "v1", into: registry)
    let blob = try registry.blobs.store(Array("nobody names it".utf8), registry.blobs.newPins())
    let late = try registry.blobs.store(Array("nobody names this".utf8), registry.blobs.newPins())
    let lost = try registry.blobs.store(Array("or this".utf8), registry.blobs.newPins())
    let first = registry.blobs.newPins()
    first.pin([blob])
    let second = Mutex<BlobPins?>(nil)
    let report = try registry.retention.purge(nil, nil) { phase, done, _ in
      if phase == .reading || phase == .sweeping, done <= 1 {
        second.withLock { pins in
          guard pins == nil else { return }
          pins = registry.blobs.newPins()
          pins?.pin([late])
        }
      }
      return true
    }
    #expect(report.removedBlobs == 1)
    #expect(try registry.blobs.contains(blob) && registry.blobs.contains(late) && !registry.blobs.contains(lost))
    second.withLock { $0 = nil }
    withExtendedLifetime(first) {}
    #expect(try registry.retention.purge(nil, nil).removedBlobs == 1)
    #expect(try registry.blobs.contains(blob) == true)
    #expect(try registry.validation.validate(model, try VersionName(validating: "v1")).isValid)
  }
}
