import Foundation
import TestSupport
import Testing

/// Commands that are disturbed at every durable step: what they leave is the old state or the new one.
@Suite struct FaultTests {
  @Test(arguments: FaultScenario.all)
  func aCommandKilledAtAnyStepLeavesTheOldStateOrTheNewOne(scenario: FaultScenario) throws {
    let fixture = try FaultFixture(scenario)
    print("kill points of \(scenario.testDescription): \(fixture.stepCount)")
    #expect(fixture.stepCount > 5)
    for step in 1...fixture.stepCount {
      let report = try fixture.disturb("kill:\(scenario.calls):\(step)")
      #expect(report.command.status == 128 + SIGKILL, "step \(step)")
      #expect(report.problems.isEmpty, "step \(step) of \(fixture.stepCount)")
    }
  }

  /// SQLite takes its steps unseen by the fault plan.
  @Test(
    .enabled(if: IndexTracer.isInstalled, "strace is not installed"),
    arguments: FaultScenario.all.filter {
      ["import safetensors into no store", "import a torch file", "purge with compaction"].contains($0.testDescription)
    })
  func aCommandKilledAtAnyStepOfTheIndexLeavesTheOldStateOrTheNewOne(scenario: FaultScenario) throws {
    let fixture = try FaultFixture(scenario, isIndex: true)
    print("kill points of the index in \(scenario.testDescription): \(fixture.stepCount)")
    #expect(fixture.stepCount > 5)
    for fault in fixture.indexFaults {
      let report = try fixture.disturb(fault)
      #expect(report.command.status == 128 + SIGKILL, "\(fault)")
      #expect(report.problems.isEmpty, "\(fault)")
    }
  }

  /// The calls that take space.
  private static let takers = "openat,mkdirat,pwrite,renameat,copy_file_range"

  @Test(arguments: FaultScenario.all)
  func aDiskThatFillsUpAtAnyStepChangesNothingAndIsNamed(scenario: FaultScenario) throws {
    let calls = scenario.calls == "*" ? Self.takers : "renameat"
    let fixture = try FaultFixture(scenario, calls: calls)
    for step in stride(from: 1, through: fixture.stepCount, by: 1) {
      let report = try fixture.disturb("\(ENOSPC):\(calls):\(step)+")
      // weight_config.json may lag behind a manifest that says it all.
      #expect(report.command.status == (report.outcome == .done ? 0 : 74), "step \(step)")
      #expect(report.command.errorText.contains("the disk is full"), "\(report.command.errorText)")
      #expect(report.command.errorText.contains("tantra purge"))
      #expect(report.problems.isEmpty, "step \(step) of \(fixture.stepCount)")
    }
  }

  @Test(arguments: FaultScenario.all.filter { $0.calls == "*" })
  func aDiskThatFailsAtAnyStepLeavesTheOldStateOrTheNewOne(scenario: FaultScenario) throws {
    let fixture = try FaultFixture(scenario, calls: "fsync,fchmod,unlinkat,ioctl,ftruncate")
    for step in 1...fixture.stepCount {
      let report = try fixture.disturb("\(EIO):fsync,fchmod,unlinkat,ioctl,ftruncate:\(step)")
      // What the file system cannot share is copied.
      #expect(report.command.status == 74 || report.outcome == .done, "step \(step)")
      #expect(report.problems.isEmpty, "step \(step) of \(fixture.stepCount)")
    }
  }

  @Test(arguments: FaultScenario.all.filter { ["cleanup", "import with sidecars"].contains($0.testDescription) })
  func anInterruptedCallIsMadeAgain(scenario: FaultScenario) throws {
    let fixture = try FaultFixture(scenario)
    for step in 1...fixture.stepCount {
      let report = try fixture.disturb("\(EINTR):*:\(step)")
      #expect(report.command.status == 0 && report.outcome == .done, "step \(step)")
      #expect(report.problems.isEmpty, "step \(step) of \(fixture.stepCount)")
    }
  }
}
