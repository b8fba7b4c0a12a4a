import Foundation
import TestSupport
import Testing

/// An upgrade that ends at any durable step can be finished, and taken back.
@Suite struct UpgradeFaultTests {
  /// All records of a store by their paths.
  private func records(_ fixture: TantraFixture) throws -> [String: [UInt8]] {
    var records: [String: [UInt8]] = [:]
    for path in try fixture.scratch.files(below: "store")
    where path.hasSuffix(".json") || path.hasSuffix(".jsonl") {
      if !path.contains("/.upgrade/") { records[path] = try fixture.scratch.read(path) }
    }
    return records
  }

  /// A store as an older Tantra left it, with drafts.
  private func oldStore() throws -> TantraFixture {
    let fixtures = Python.packageRoot + "/Tests/Fixtures"
    let fixture = try TantraFixture(copyOf: fixtures + "/store-format-2")
    let copy = try Command.run(
      "sh",
      [
        "-c",
        "cp -r '\(fixtures)/drafts-format-2/weights' '\(fixture.storePath)/' && "
          + "cp -r '\(fixtures)/drafts-format-2/staging' '\(fixture.storePath)/.staging'",
      ])
    guard copy.status == 0 else { throw OracleFailure(description: copy.errorText) }
    return fixture
  }

  private func upgrade(_ fixture: TantraFixture, fault: String? = nil) throws -> Command {
    var environment = ["TANTRA_STORE": fixture.storePath]
    if let fault { environment["TANTRA_FAULT"] = fault }
    return try Command.run(TantraFixture.executable, ["upgrade-store"], environment: environment)
  }

  @Test(arguments: [true, false])
  func anUpgradeThatEndsAtAnyStepIsFinishedOrTakenBack(isFinished: Bool) throws {
    let fixture = try oldStore()
    let old = try records(fixture)
    let trace = try upgrade(fixture, fault: "trace:*:1+")
    let steps = trace.errorText.split(separator: "\n").count { $0.hasPrefix("step\t") }
    let new = try records(fixture)
    #expect(trace.status == 0 && steps > 50 && old != new)
    for step in 1...steps {
      let fixture = try oldStore()
      #expect(try upgrade(fixture, fault: "kill:*:\(step)").status == 128 + SIGKILL, "step \(step)")
      let left = try records(fixture)
      if isFinished {
        #expect(try upgrade(fixture).status == 0, "step \(step)")
        #expect(try records(fixture) == new, "step \(step) of \(steps)")
      } else {
        let back = try fixture.tantra(["upgrade-store", "--rollback"])
        // Before the store is marked nothing has changed.
        #expect(back.status == (left == old ? 66 : 0), "step \(step): \(back.errorText)")
        #expect(try records(fixture) == old, "step \(step) of \(steps)")
      }
    }
  }
}
