import Glibc
import StoreRecords
import TestSupport
import Testing
import WeightRegistry
import WeightsFS

/// Which inode a name leads to, and what a name that goes takes with it.
@Suite struct IdentityTests {
  let fixture: TreeFixture

  init() throws { fixture = try TreeFixture() }

  private func inode(_ path: String) throws -> InodeNumber { try fixture.inode(path) }

  private func removeV11() throws {
    for name in try fixture.names("mamba/v1.1") { try fixture.unlink("mamba/v1.1/\(name)") }
    try fixture.removeFolder("mamba/v1.1")
  }

  @Test func aFolderThatComesBackIsAnotherInodeWhileTheKernelKnowsTheFirst() throws {
    let folder = try inode("mamba/v1.1")
    let file = try inode("mamba/v1.1/model.pt")
    try removeV11()
    try fixture.registry.retention.restore(
      try ModelName(validating: "mamba"), try VersionName(validating: "v1.1"))
    let restored = try inode("mamba/v1.1")
    #expect(restored != folder)
    #expect(try inode("mamba/v1.1/model.pt") != file)
    // Whoever still has the first in hand is not led into the second.
    #expect(try fixture.tree.lookup("model.pt", in: restored, caller: fixture.caller).attributes.size > 0)
    try removeV11()
    try fixture.makeFolder("mamba/v1.1")
    #expect(try ![folder, restored].contains(inode("mamba/v1.1")))
  }

  @Test func aFolderThatNobodyKnowsAnyMoreMayHaveItsNumberAgain() throws {
    let folder = try inode("mamba/v1.1")
    try removeV11()
    fixture.tree.forget(folder, count: .max)
    try fixture.makeFolder("mamba/v1.1")
    #expect(try inode("mamba/v1.1") == folder)
  }

  /// The kernel forgets what nobody has used for a while.
  @Test func aRenamedFileKeepsItsNumberWhenTheKernelHasForgottenIt() throws {
    try fixture.makeFolder("mamba/draft")
    try fixture.makeFolder("mamba/draft/sub")
    try fixture.put(Array("a".utf8), at: "mamba/draft/a.txt")
    let (file, folder) = (try inode("mamba/draft/a.txt"), try inode("mamba/draft/sub"))
    try fixture.rename("mamba/draft/a.txt", to: "mamba/draft/sub/b.txt")
    try fixture.rename("mamba/draft/sub", to: "mamba/draft/other")
    for inode in [file, folder] { fixture.tree.forget(inode, count: .max) }
    // Another file under the first name does not get the number.
    try fixture.put(Array("b".utf8), at: "mamba/draft/a.txt")
    try fixture.makeFolder("mamba/draft/sub")
    #expect(try ![file, folder].contains(inode("mamba/draft/a.txt")))
    #expect(try ![file, folder].contains(inode("mamba/draft/sub")))
    #expect(try inode("mamba/draft/other") == folder)
    #expect(try inode("mamba/draft/other/b.txt") == file)
    try fixture.unlink("mamba/draft/other/b.txt")
    fixture.tree.forget(file, count: .max)
    try fixture.put(Array("c".utf8), at: "mamba/draft/other/b.txt")
    #expect(try inode("mamba/draft/other/b.txt") != file)
  }

  @Test func anAtimeStaysWithItsFile() throws {
    try fixture.makeFolder("mamba/draft")
    try fixture.put(Array("a".utf8), at: "mamba/draft/a.txt")
    let file = try inode("mamba/draft/a.txt")
    func set(_ change: AttributeChange) throws -> FileAttributes {
      try fixture.tree.setAttributes(of: file, change, caller: fixture.caller) { false }
    }
    let before = try fixture.tree.attributes(of: file)
    #expect(before.accessed == nil)
    #expect(try set(AttributeChange(modified: 5)).accessed == before.modified)
    #expect(try set(AttributeChange(accessed: 7)).accessed == 7)
    fixture.tree.forget(file, count: .max)
    try fixture.rename("mamba/draft/a.txt", to: "mamba/draft/b.txt")
    let renamed = try fixture.tree.attributes(of: inode("mamba/draft/b.txt"))
    #expect(renamed.accessed == 7 && renamed.modified == 5 && (renamed.changed ?? 0) > before.modified)
  }

  @Test func aFolderInsideAVersionIsAnotherInodeWhenItComesBack() throws {
    try fixture.makeFolder("mamba/v1.1/extra")
    let folder = try inode("mamba/v1.1/extra")
    try fixture.removeFolder("mamba/v1.1/extra")
    try fixture.makeFolder("mamba/v1.1/extra")
    #expect(try inode("mamba/v1.1/extra") != folder)
  }

  @Test func aRenamedFolderKeepsItsInodeAndServesWhatIsInIt() throws {
    try fixture.makeFolder("mamba/draft")
    try fixture.put(Array("{}".utf8), at: "mamba/draft/config.json")
    let folder = try inode("mamba/draft")
    let file = try inode("mamba/draft/config.json")
    try fixture.rename("mamba/draft", to: "mamba/final")
    // The kernel goes on with the number that it knows.
    let found = try fixture.tree.lookup("config.json", in: folder, caller: fixture.caller)
    #expect(found.attributes.inode == file)
    #expect(try inode("mamba/final") == folder)
    try fixture.makeFolder("mamba/draft")
    #expect(try inode("mamba/draft") != folder)
  }

  @Test func aNameThatIsRemovedWhileItIsWrittenStaysAway() throws {
    try fixture.makeFolder("mamba/v2.0")
    let file = try fixture.openForWriting("mamba/v2.0/model.safetensors")
    try fixture.write(try SmallWeights.example(bias: 7).safetensors(), to: file)
    try fixture.unlink("mamba/v2.0/model.safetensors")
    try fixture.close(file)
    #expect(try fixture.names("mamba/v2.0").isEmpty)
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1", "v2.0"])
  }

  @Test func aFolderThatIsRemovedWhileItIsWrittenIntoStaysAway() throws {
    try fixture.makeFolder("mamba/v2.0")
    let weights = try fixture.openForWriting("mamba/v2.0/model.safetensors")
    try fixture.write(try SmallWeights.example(bias: 7).safetensors(), to: weights)
    let config = try fixture.openForWriting("mamba/v2.0/config.json")
    try fixture.write(Array("{}".utf8), to: config)
    #expect(fixture.failure { try fixture.removeFolder("mamba/v2.0") }?.errno == ENOTEMPTY)
    try fixture.unlink("mamba/v2.0/config.json")
    try fixture.removeFolder("mamba/v2.0")
    try fixture.close(weights)
    try fixture.close(config)
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1"])
  }

  @Test func aViewIsOfTheFolderThatItsInodeWasCheckedAgainst() throws {
    // A look at the name, then other bytes of the same weights under it: the old inode is stale, and never leads to them.
    let before = try inode("mamba/v1.1/model.safetensors")
    var written = try SmallWeights.example(bias: 2).safetensors()
    // A longer header: it is padded with spaces.
    let length = written[..<8].enumerated().reduce(0) { $0 | Int($1.element) << ($1.offset * 8) }
    written.insert(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: 8), at: 8 + length)
    for index in 0..<8 { written[index] = UInt8(truncatingIfNeeded: (length + 8) >> (index * 8)) }
    try fixture.put(written, at: "mamba/v1.1/model.safetensors")
    let access = OpenAccess(reads: true, writes: false, truncates: false, caller: fixture.caller)
    #expect(fixture.failure { _ = try fixture.tree.open(before, access) }?.errno == ESTALE)
    #expect(try fixture.contents("mamba/v1.1/model.safetensors") == written)
  }
}
