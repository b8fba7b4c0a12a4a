import Foundation
import Logging
import StoreRecords
import TestSupport
import Testing
import WeightRegistry
import WeightsFS

/// Files in a model's own folder, without a kernel.
@Suite struct ModelFileTests {
  let fixture: TreeFixture
  private let card = Array("# Mamba\n".utf8)

  init() throws { fixture = try TreeFixture() }

  @Test(arguments: ["README.md", "notes.txt", "trainer_state.json", "v1.0.json", ".x.swp", "model.safetensors", "4913"])
  func aModelTakesFiles(name: String) throws {
    try fixture.put(card, at: "mamba/\(name)")
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1", name])
    #expect(try fixture.contents("mamba/\(name)") == card)
    #expect(try fixture.tree.attributes(of: try fixture.inode("mamba/\(name)")).size == card.count)
    #expect(try fixture.reopened().contents("mamba/\(name)") == card)
  }

  @Test func oneThatIsReplacedStaysForItsReaders() throws {
    try fixture.put(card, at: "mamba/README.md")
    let reader = try fixture.open("mamba/README.md")
    try fixture.put(Array("new".utf8), at: "mamba/.README.md.x7Yz")
    try fixture.rename("mamba/.README.md.x7Yz", to: "mamba/README.md")
    #expect(try fixture.contents("mamba/README.md") == Array("new".utf8))
    #expect(try fixture.contents(of: reader.handle) == card)
    fixture.tree.release(reader.handle)
    let appended = try fixture.openForWriting("mamba/README.md", truncates: false)
    try fixture.write(Array("er".utf8), to: appended, at: 3)
    #expect(try fixture.contents("mamba/README.md") == Array("newer".utf8))
    try fixture.close(appended)
    #expect(try fixture.contents("mamba/README.md") == Array("newer".utf8))
  }

  @Test(arguments: [".README.md.x7Yz", "README.md~", "sedAb12Cd"])
  func toolsWriteUnderANameOfTheirOwnFirst(name: String) throws {
    try fixture.put(Array("old".utf8), at: "mamba/README.md")
    try fixture.put(card, at: "mamba/\(name)")
    try fixture.rename("mamba/\(name)", to: "mamba/README.md")
    #expect(try fixture.contents("mamba/README.md") == card)
    #expect(fixture.failure { _ = try fixture.inode("mamba/\(name)") }?.errno == ENOENT)
    // Renamed while it is still open.
    let open = try fixture.openForWriting("mamba/\(name)", exclusively: true)
    try fixture.write(Array("open".utf8), to: open)
    try fixture.rename("mamba/\(name)", to: "mamba/README.md")
    #expect(try fixture.contents("mamba/README.md") == Array("open".utf8))
    try fixture.close(open)
    #expect(try fixture.contents("mamba/README.md") == Array("open".utf8))
  }

  @Test func namesOfVersionsAndLinksStayTheirs() throws {
    try fixture.put(card, at: "mamba/README.md")
    #expect(fixture.failure { try fixture.put(card, at: "mamba/v1.1") }?.errno == EISDIR)
    #expect(fixture.failure { try fixture.rename("mamba/README.md", to: "mamba/v1.1") }?.errno == EISDIR)
    #expect(fixture.failure { try fixture.rename("mamba/README.md", to: "mamba/active") }?.errno == EPERM)
    #expect(fixture.failure { try fixture.makeFolder("mamba/README.md") }?.errno == EEXIST)
    try fixture.makeFolder("other")
    #expect(fixture.failure { try fixture.makeFolder("other/README.md") }?.errno == EINVAL)
    #expect(fixture.failure { try fixture.put(card, at: "other/active") }?.errno == EPERM)
    try fixture.put(card, at: "other/v1.0")
    #expect(fixture.failure { try fixture.rename("mamba/v1.1", to: "other/v1.0") }?.errno == ENOTDIR)
    #expect(try fixture.contents("mamba/README.md") == card)
  }

  @Test func filesKeepAModelsFolderFromBeingRemoved() throws {
    try fixture.makeFolder("fresh")
    try fixture.put(card, at: "fresh/README.md")
    #expect(fixture.failure { try fixture.removeFolder("fresh") }?.errno == ENOTEMPTY)
    try fixture.unlink("fresh/README.md")
    #expect(fixture.failure { try fixture.unlink("fresh/README.md") }?.errno == ENOENT)
    #expect(try fixture.names("fresh").isEmpty)
    try fixture.removeFolder("fresh")
    #expect(fixture.failure { _ = try fixture.inode("fresh") }?.errno == ENOENT)
  }

  @Test func filesMoveWithTheirModelAndBetweenFolders() throws {
    try fixture.makeFolder("fresh")
    try fixture.put(card, at: "fresh/README.md")
    try fixture.rename("fresh", to: "renamed")
    #expect(try fixture.contents("renamed/README.md") == card)
    try fixture.rename("renamed/README.md", to: "mamba/README.md")
    #expect(try fixture.contents("mamba/README.md") == card)
    #expect(try fixture.names("renamed").isEmpty)
    try fixture.rename("mamba/README.md", to: "mamba/v1.1/README.md")
    #expect(try fixture.contents("mamba/v1.1/README.md") == card)
    try fixture.rename("mamba/v1.1/README.md", to: "mamba/card.md")
    #expect(try fixture.contents("mamba/card.md") == card)
  }

  @Test func aFileIsCopiedAndLinkedWithinTheMount() throws {
    try fixture.put(card, at: "mamba/README.md")
    try fixture.makeFolder("fresh")
    try fixture.copy("mamba/README.md", to: "fresh/README.md", piece: 3)
    #expect(try fixture.contents("fresh/README.md") == card)
    try fixture.unlink("fresh/README.md")
    let made = try fixture.tree.makeHardLink(
      to: try fixture.inode("mamba/README.md"), named: "README.md", in: try fixture.inode("fresh"),
      caller: fixture.caller, isInterrupted: { false })
    #expect(made.attributes.size == card.count)
    try fixture.put(Array("other".utf8), at: "fresh/README.md")
    #expect(try fixture.contents("mamba/README.md") == card)
  }

  @Test func itsTimeIsKept() throws {
    let time: Int64 = 1_600_000_000_123_456_789
    try fixture.put(card, at: "mamba/README.md")
    let inode = try fixture.inode("mamba/README.md")
    let told = try fixture.tree.setAttributes(
      of: inode, AttributeChange(modified: time), caller: fixture.caller, isInterrupted: { false })
    #expect(told.modified == time && told.inode == inode)
    let again = try fixture.reopened()
    #expect(try again.tree.attributes(of: try again.inode("mamba/README.md")).modified == time)
  }

  @Test func readersSeeItAndPurgeLeavesIt() throws {
    try fixture.put(card, at: "mamba/README.md")
    _ = try fixture.registry.retention.purge(nil, nil)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let registry = try WeightRegistry(storePath: fixture.scratch("store"), access: .reading, logger: logger)
    let reader = WeightsFileSystem(registry: registry, events: EventLog(), logger: logger)
    let model = try reader.lookup("mamba", in: .root, caller: fixture.caller).attributes.inode
    let item = try reader.lookup("README.md", in: model, caller: fixture.caller)
    #expect(item.attributes.size == card.count)
    let access = OpenAccess(reads: true, writes: false, truncates: false, caller: fixture.caller)
    let file = try reader.open(item.attributes.inode, access)
    #expect(try fixture.contents(of: file.handle, in: reader) == card)
    reader.release(file.handle)
  }

  @Test func aFolderWithAReadmeAloneIsNoModelOfTheRegistry() throws {
    try fixture.makeFolder("fresh")
    try fixture.put(card, at: "fresh/README.md")
    let again = try fixture.reopened()
    #expect(try again.names("").contains("fresh"))
    #expect(again.registry.records.models.map(\.text) == ["mamba"])
  }

  @Test func theReadmeOfAnEarlierEditionIsTakenOver() throws {
    let path = "store/models/mamba/README.md"
    try fixture.scratch.write(path, card)
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1", "README.md"])
    let inode = try fixture.inode("mamba/README.md")
    #expect(try fixture.contents("mamba/README.md") == card)
    let file = try fixture.openForWriting("mamba/README.md", truncates: false)
    try fixture.write(Array("new".utf8), to: file, at: card.count)
    try fixture.close(file)
    #expect(try fixture.contents("mamba/README.md") == card + Array("new".utf8))
    #expect(try fixture.inode("mamba/README.md") != inode)
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch(path)))
    // One that comes back, as from an earlier edition, is not shown beside the new one, and goes with it.
    try fixture.scratch.write(path, card)
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1", "README.md"])
    try fixture.unlink("mamba/README.md")
    #expect(fixture.failure { _ = try fixture.inode("mamba/README.md") }?.errno == ENOENT)
  }
}
