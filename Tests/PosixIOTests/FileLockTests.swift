import PosixIO
import TestSupport
import Testing

@Suite struct FileLockTests {
  @Test func onlyOneHoldsTheLockAndTheFileSaysWho() throws {
    let scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    var lock = try FileLock.acquire("lock", in: folder, description: "first")
    #expect(lock != nil)
    #expect(try FileLock.acquire("lock", in: folder, description: "second") == nil)
    #expect(try FileLock.description(of: "lock", in: folder) == "first")
    lock = nil
    #expect(try FileLock.acquire("lock", in: folder, description: "third") != nil)
    #expect(try FileLock.description(of: "lock", in: folder) == "third")
  }
}
