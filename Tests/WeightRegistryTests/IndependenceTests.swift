import Dispatch
import Foundation
import PosixIO
import StoreRecords
import Synchronization
import TestSupport
import Testing
import WeightRegistry

/// Nobody waits for what takes long of somebody else: it goes on only when the others have done their work.
@Suite struct IndependenceTests {
  private let fixture: RegistryFixture
  private let registry: WeightRegistry

  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
    for (name, bias) in [("v1", Float(1)), ("v2", 2), ("v3", 3)] {
      try fixture.importFile(
        try SmallWeights.example(bias: bias).safetensors(), as: "safetensors", version: name, into: registry)
    }
  }

  /// Stops a long operation at its first step until it may go on.
  private final class Gate: Sendable {
    private let hasBegun = DispatchSemaphore(value: 0)
    private let mayGoOn = DispatchSemaphore(value: 0)
    private let isFirst = Atomic(true)
    private let hasTimedOut = Atomic(false)

    /// Called by the operation.
    func pass() {
      guard isFirst.exchange(false, ordering: .relaxed) else { return }
      hasBegun.signal()
      if mayGoOn.wait(timeout: .now() + 60) == .timedOut { hasTimedOut.store(true, ordering: .relaxed) }
    }

    /// Runs `body` while the operation stands still.
    func hold(_ body: () throws -> Void) throws {
      guard hasBegun.wait(timeout: .now() + 60) == .success else {
        throw OracleFailure(description: "the operation has not begun")
      }
      defer { mayGoOn.signal() }
      try body()
      if hasTimedOut.load(ordering: .relaxed) { throw OracleFailure(description: "the others took too long") }
    }
  }

  private func version(_ text: String) throws -> VersionName { try VersionName(validating: text) }

  /// Runs `long`, which stands still at the gate while `others` work.
  private func during(
    _ long: @escaping @Sendable (Gate) throws(StoreError) -> Void, _ others: () throws -> Void
  ) throws -> StoreError? {
    let gate = Gate()
    let hasEnded = DispatchSemaphore(value: 0)
    let failure = Mutex<StoreError?>(nil)
    DispatchQueue(label: "long").async {
      do throws(StoreError) { try long(gate) } catch { failure.withLock { $0 = error } }
      // One that failed before its first step holds nobody.
      gate.pass()
      hasEnded.signal()
    }
    try gate.hold(others)
    hasEnded.wait()
    return failure.withLock { $0 }
  }

  /// Runs `long`, which stands still when it first tells of `phase`, while `others` work.
  private func during(
    _ phase: ProgressPhase, of long: @escaping @Sendable (@escaping ProgressHandler) throws(StoreError) -> Void,
    _ others: () throws -> Void
  ) throws -> StoreError? {
    try during { gate throws(StoreError) in
      try long { found, _, _ in
        if found == phase { gate.pass() }
        return true
      }
    } _: { () throws in
      try others()
    }
  }

  /// A request to import `weights` as a version.
  private func request(_ name: String, _ weights: SmallWeights) throws -> ImportRequest {
    let source = try fixture.scratch.write("\(name).safetensors", try weights.safetensors())
    return ImportRequest(model: fixture.model, version: try version(name), source: source, view: "safetensors")
  }

  private static let large = SmallWeights([("w", (0..<(1 << 20)).map { Float($0) })])

  /// What somebody else does with the same model.
  private func work(_ round: String = "") throws {
    let (model, records) = (fixture.model, registry.records)
    try fixture.importFile(
      try SmallWeights.example(bias: 50).torchZip(), as: "pt", version: "small\(round)", files: ["config.json": "{}"],
      into: registry)
    #expect(try records.versions(of: model).contains(try version("small\(round)")))
    #expect(try fixture.open(.reading).records.versions(of: model).contains(try version("small\(round)")))
    try registry.activation.setActive(model, try version("small\(round)"))
    try registry.retention.retire(model, try version("v3"))
    try registry.retention.restore(model, try version("v3"))
    let upload = try records.uploads.begin()
    try Array("notes".utf8).withUnsafeBytes { buffer in try upload.file.write(buffer, at: 0) }
    try registry.folders.keep(upload, at: "notes.txt", of: model, try version("small\(round)"), modified: 1)
    try registry.folders.move(model, try version("v3"), to: model, try version("v4"), by: .current)
    try registry.folders.move(model, try version("v4"), to: model, try version("v3"), by: .current)
    #expect(try registry.validation.validate(model, try version("small\(round)")).isValid)
    #expect(try fixture.bytes(of: "bin", version: "v1", in: registry).count > 100)
  }

  @Test func othersWorkWhileALargeFileIsHashed() throws {
    let (registry, request) = (registry, try self.request("large", Self.large))
    let failure = try during(.importing) { progress throws(StoreError) in
      try registry.importing(request, progress: progress)
    } _: { () throws in
      try work()
      // Removing what nobody needs does not wait for it either, nor takes what it has stored.
      _ = try registry.retention.purge(nil, nil)
      #expect(!registry.records.contains(fixture.model, try version("large")))
    }
    #expect(failure == nil)
    #expect(try registry.validation.validate(fixture.model, try version("large")).isValid)
  }

  @Test func ofTwoImportsOfOneVersionTheOneThatIsReadyFirstIsPublished() throws {
    let (registry, request) = (registry, try self.request("new", .example(bias: 70)))
    let failure = try during(.importing) { progress throws(StoreError) in
      try registry.importing(request, progress: progress)
    } _: { () throws in
      try fixture.importFile(
        try SmallWeights.example(bias: 71).safetensors(), as: "safetensors", version: "new", into: registry)
    }
    #expect(failure?.code == .differentWeights)
    #expect(
      try fixture.bytes(of: "safetensors", version: "new", in: registry) == SmallWeights.example(bias: 71).safetensors()
    )
  }

  @Test func othersWorkWhileAVersionIsValidatedBeforeItBecomesActive() throws {
    try registry.policies.set(.validateBeforeActivate, of: fixture.model, to: "yes")
    let (registry, model, second) = (registry, fixture.model, try version("v2"))
    let failure = try during(.checking) { progress throws(StoreError) in
      try registry.activation.setActive(model, second, progress: progress)
    } _: { () throws in
      try work()
    }
    #expect(failure == nil)
    #expect(registry.records.activeVersion(of: model) == second)
  }

  @Test func aVersionThatGoesWhileItIsValidatedDoesNotBecomeActive() throws {
    try registry.policies.set(.validateBeforeActivate, of: fixture.model, to: "yes")
    let (registry, model, second) = (registry, fixture.model, try version("v2"))
    let failure = try during(.checking) { progress throws(StoreError) in
      try registry.activation.setActive(model, second, progress: progress)
    } _: { () throws in
      try registry.retention.retire(model, second)
    }
    #expect(failure?.code == .unknownVersion)
    #expect(registry.records.activeLink(of: model)?.text == "v1")
  }

  @Test func othersWorkWhileAPurgeReadsAndSweeps() throws {
    let registry = registry
    for (round, stop) in [ProgressPhase.reading, .sweeping].enumerated() {
      let failure = try during(stop) { progress throws(StoreError) in
        _ = try registry.retention.purge(nil, nil, olderThan: 3600 * 1_000_000_000, progress: progress)
      } _: { () throws in
        try work("-\(round)")
      }
      #expect(failure == nil)
      for version in try registry.records.versions(of: fixture.model) {
        #expect(try registry.validation.validate(fixture.model, version).isValid)
      }
    }
  }

  @Test func anImportEndsWithinAMomentOfBeingAskedTo() throws {
    let request = try self.request("large", Self.large)
    let before = try fixture.snapshot()
    let error = #expect(throws: StoreError.self) {
      try registry.importing(request) { phase, done, _ in phase != .importing || done < 1 << 20 }
    }
    #expect(error?.code == .interrupted)
    #expect(try fixture.snapshot() == before)
    #expect(try !fixture.scratch.files(below: "store/.staging").contains { $0.contains("ingest.") })
  }

  @Test func anImportThatWaitsForARecordIsLetGo() throws {
    let request = try self.request("new", .example(bias: 70))
    let (registry, model) = (registry, fixture.model)
    let failure = try during { gate throws(StoreError) in
      try registry.records.transaction(model) { (_) throws(StoreError) in gate.pass() }
    } _: { () throws in
      // Other work on the machine may hold one of them up.
      let times = try (0..<5).map { _ in
        let asked = Mutex<ContinuousClock.Instant?>(nil)
        let error = #expect(throws: StoreError.self) {
          try registry.importing(request) { phase, _, _ in
            guard phase == .waiting else { return true }
            asked.withLock { $0 = $0 ?? .now }
            return false
          }
        }
        #expect(error?.code == .interrupted)
        return ContinuousClock.now - (try #require(asked.withLock { $0 }))
      }
      #expect(try #require(times.min()) < .milliseconds(50), "\(times)")
    }
    #expect(failure == nil)
    #expect(!registry.records.contains(model, try version("new")))
  }
}
