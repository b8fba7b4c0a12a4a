import Dispatch
import PosixIO
import StoreRecords
import Synchronization
import TestSupport
import Testing

/// What holds up whom.
@Suite struct TransactionTests {
  private let fixture: RecordsFixture
  private let other: ModelName

  init() throws {
    fixture = try RecordsFixture()
    other = try ModelName(validating: "other")
  }

  /// Runs `body` while a transaction of `model` goes on, which ends after it.
  private func during(_ model: ModelName, of records: RecordStore, _ body: () throws -> Void) throws {
    let hasBegun = DispatchSemaphore(value: 0)
    let mayEnd = DispatchSemaphore(value: 0)
    let hasEnded = DispatchSemaphore(value: 0)
    let failure = Mutex<StoreError?>(nil)
    DispatchQueue(label: "another").async {
      do throws(StoreError) {
        try records.transaction(model) { (records) throws(StoreError) in
          hasBegun.signal()
          mayEnd.wait()
        }
      } catch {
        failure.withLock { $0 = error }
        hasBegun.signal()
      }
      hasEnded.signal()
    }
    hasBegun.wait()
    defer {
      mayEnd.signal()
      hasEnded.wait()
    }
    try body()
    #expect(failure.withLock { $0 } == nil)
  }

  @Test func whoeverWaitsIsLetGoWithinAMomentOfAsking() throws {
    let records = try fixture.open()
    try during(fixture.model, of: records) { () throws in
      let clock = ContinuousClock()
      for patience in [Duration.zero, .milliseconds(35), .milliseconds(120)] {
        // The best of some attempts: others may keep the machine busy.
        var delays: [Duration] = []
        for _ in 0..<5 {
          let begin = clock.now
          let error = #expect(throws: StoreError.self) {
            try records.transaction(fixture.model, unless: Interruption { clock.now - begin >= patience }) {
              (_) throws(StoreError) in Issue.record("it has begun")
            }
          }
          #expect(error?.code == .interrupted)
          delays.append(clock.now - begin - patience)
        }
        #expect(delays.allSatisfy { $0 >= .zero })
        #expect(try #require(delays.min()) < .milliseconds(50))
      }
      // A transaction of two models gives back the lock that it has.
      let error = #expect(throws: StoreError.self) {
        try records.transaction(fixture.model, other, unless: Interruption { true }) { (_, _) throws(StoreError) in }
      }
      #expect(error?.code == .interrupted)
      try records.transaction(other) { (records) throws(StoreError) in try records.makeModel() }
    }
    // And nobody who has gone is waited for.
    try records.transaction(fixture.model, unless: Interruption { true }) { (records) throws(StoreError) in
      try records.makeModel()
    }
    #expect(records.hasFolder(fixture.model) && records.hasFolder(other))
  }

  @Test func transactionsOfOtherModelsDoNotWait() throws {
    let records = try fixture.open()
    try during(fixture.model, of: records) { () throws in
      try records.transaction(other) { (records) throws(StoreError) in
        try records.publish(
          VersionFolder(fixture.manifest(fixture.version, of: other)), in: .models, switching: .ifNone)
      }
      #expect(records.activeVersion(of: other) == fixture.version)
      #expect(records.models == [other])
    }
  }

  @Test func whatIsKnownIsReadWhileATransactionGoesOn() throws {
    let records = try fixture.open()
    try fixture.publish(fixture.version, in: records)
    try during(fixture.model, of: records) { () throws in
      #expect(try records.manifest(of: fixture.model, fixture.version).main?.tensorCount == 3)
      #expect(try records.versions(of: fixture.model) == [fixture.version])
      #expect(records.activeVersion(of: fixture.model) == fixture.version)
    }
  }

  @Test func transactionsOfTwoModelsInEitherOrderDoNotStopEachOther() throws {
    let records = try fixture.open()
    let counts = Mutex([0, 0, 0])
    let errors = Mutex<[StoreError]>([])
    Threads.run(4) { thread in
      for _ in 0..<200 {
        do throws(StoreError) {
          let models = thread % 2 == 0 ? (fixture.model, other) : (other, fixture.model)
          try records.transaction(models.0, models.1) { (first, second) throws(StoreError) in
            guard (first.model, second.model) == models else { throw StoreError(.damaged, "they are exchanged") }
            counts.withLock { $0[0] += 1 }
          }
          try records.transaction(models.0, models.0) { (first, second) throws(StoreError) in
            guard first === second else { throw StoreError(.damaged, "they are two") }
            counts.withLock { $0[1] += 1 }
          }
        } catch {
          errors.withLock { $0.append(error) }
        }
      }
    }
    #expect(errors.withLock { $0 } == [])
    #expect(counts.withLock { $0 } == [800, 800, 0])
  }

  @Test func theFirstVersionOfEachModelBecomesActiveHoweverManyComeAtOnce() throws {
    let records = try fixture.open()
    let models = try (0..<40).map { try ModelName(validating: "model-\($0)") }
    let errors = Mutex<[StoreError]>([])
    Threads.run(4) { thread in
      for model in models[(10 * thread)..<(10 * thread + 10)] {
        do throws(StoreError) {
          try records.transaction(model) { (records) throws(StoreError) in
            try records.publish(
              VersionFolder(fixture.manifest(fixture.version, of: model)), in: .models, switching: .ifNone)
          }
        } catch {
          errors.withLock { $0.append(error) }
        }
      }
    }
    #expect(errors.withLock { $0 } == [])
    let again = try fixture.open(.reading)
    for model in models {
      #expect(records.activeVersion(of: model) == fixture.version)
      #expect(again.activeVersion(of: model) == fixture.version)
      #expect(records.record(of: model).pending == nil && again.record(of: model).pending == nil)
    }
  }

  @Test func backupsThatAreMadeAtOnceHaveNumbersOfTheirOwn() throws {
    let records = try fixture.open()
    try fixture.publish(fixture.version, in: records)
    let manifest = try records.manifest(of: fixture.model, fixture.version)
    let numbers = Mutex<[Int]>([])
    let errors = Mutex<[StoreError]>([])
    Threads.run(4) { _ in
      for _ in 0..<10 {
        do throws(StoreError) {
          let record = try records.transaction(fixture.model, backupsOf: fixture.version) {
            (records, backups) throws(StoreError) in
            try records.backUp(manifest, beside: backups, isPinned: true, by: .current)
          }
          numbers.withLock { $0.append(record.number) }
        } catch {
          errors.withLock { $0.append(error) }
        }
      }
    }
    #expect(errors.withLock { $0 } == [])
    #expect(numbers.withLock { $0 }.sorted() == Array(1...40))
    #expect(try records.backups(of: fixture.model, fixture.version).map(\.number) == Array(1...40))
  }

  @Test func observersAreToldWhenNoLockIsHeld() throws {
    let records = try fixture.open()
    let told = Mutex<[RecordChange]>([])
    let (model, version) = (fixture.model, fixture.version)
    records.observe { change in
      // Taking the same lock would stop for ever, or trap, if it were still held.
      do throws(StoreError) {
        try records.transaction(model) { (_) throws(StoreError) in }
      } catch {
        Issue.record(error)
      }
      told.withLock { $0.append(change) }
    }
    try fixture.publish(version, in: records)
    try records.transaction(model) { (records) throws(StoreError) in
      try records.change(version, [.put(RecordsFixture.file("config.json"))])
    }
    #expect(
      told.withLock { $0 } == [
        .links(model), .published(model, version, paths: nil), .published(model, version, paths: ["config.json"]),
      ])
  }

  @Test func aTransactionThatThrowsAfterAChangeHasMadeThatChange() throws {
    let records = try fixture.open()
    let told = Atomic(0)
    records.observe { _ in told.add(1, ordering: .relaxed) }
    let error = #expect(throws: StoreError.self) {
      try records.transaction(fixture.model) { (records) throws(StoreError) in
        try records.publish(VersionFolder(fixture.manifest(fixture.version)), in: .models, switching: .ifNone)
        throw StoreError(.notEmpty, "a failure")
      }
    }
    #expect(error?.code == .notEmpty)
    #expect(told.load(ordering: .relaxed) > 0)
    #expect(try fixture.open(.reading).versions(of: fixture.model) == [fixture.version])
  }
}
