import Glibc
import PosixIO
import Testing

@Suite struct FaultPlanTests {
  @Test func aPlanSaysWhatFailsAndWhen() throws {
    let kill = try #require(FaultPlan("kill:*:7"))
    #expect(kill.action == .kill && kill.calls.isEmpty)
    #expect((1...9).filter(kill.concerns) == [7])
    let full = try #require(FaultPlan("\(ENOSPC):pwrite,fsync:3+"))
    #expect(full.action == .fail(errno: ENOSPC) && full.calls == ["pwrite", "fsync"])
    #expect((1...5).filter(full.concerns) == [3, 4, 5])
    #expect(FaultPlan("trace:*:1+")?.action == .trace)
  }

  @Test(arguments: ["", "kill", "kill:*", "kill:*:0", "kill:*:-1", "kill:*:x", "burn:*:1", "0:*:1", "kill:*:1:2"])
  func anythingElseIsNoPlan(text: String) { #expect(FaultPlan(text) == nil) }
}
