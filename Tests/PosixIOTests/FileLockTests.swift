import Foundation
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

  /// A process that is just being started has copies of all descriptors until it becomes its program.
  @Test func copiesOfItsDescriptorDoNotHoldIt() throws {
    let scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    var lock = try FileLock.acquire("lock", in: folder, description: "first")
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
    let held = descriptors.first { descriptor in
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
      return target == scratch("lock")
    }
    let copy = dup(try #require(held))
    defer { close(copy) }
    #expect(try lock != nil && FileLock.acquire("lock", in: folder, description: "second") == nil)
    lock = nil
    #expect(try FileLock.acquire("lock", in: folder, description: "third") != nil)
  }
}
