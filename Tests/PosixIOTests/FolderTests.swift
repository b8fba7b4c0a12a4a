import PosixIO
import SystemPackage
import TestSupport
import Testing

@Suite struct FolderTests {
  @Test func replaceLeavesTheNewContentAndNothingInStaging() throws {
    let scratch = try TemporaryFolder()
    let root = try Folder.open(scratch.path)
    let staging = try root.makeFolder(".staging")
    try root.replace("record", with: Array("one".utf8), staging: staging)
    try root.replace("record", with: Array("two".utf8), staging: staging)
    #expect(try root.contents(of: "record", limit: 10) == Array("two".utf8))
    #expect(try staging.names().isEmpty)
  }

  @Test func replaceThatCannotRenameLeavesTheOldStateAndNothingInStaging() throws {
    let scratch = try TemporaryFolder()
    let root = try Folder.open(scratch.path)
    let staging = try root.makeFolder(".staging")
    _ = try root.makeFolder("record")
    #expect(throws: PosixError.self) { try root.replace("record", with: [1], staging: staging) }
    #expect(try root.status(of: "record")?.kind == .directory)
    #expect(try staging.names().isEmpty)
  }

  @Test func contentsBeyondTheLimitAreRefused() throws {
    let scratch = try TemporaryFolder()
    let root = try Folder.open(scratch.path)
    try root.replace("record", with: [1, 2, 3], staging: root)
    let error = #expect(throws: PosixError.self) { try root.contents(of: "record", limit: 2) }
    #expect(error?.errno == .fileTooLarge)
  }

  @Test func symbolicLinksAreNotFollowed() throws {
    let scratch = try TemporaryFolder()
    _ = try Command.run("ln", ["-s", "/etc/passwd", scratch("file")])
    _ = try Command.run("ln", ["-s", "/etc", scratch("folder")])
    let root = try Folder.open(scratch.path)
    #expect(throws: PosixError.self) { try root.file("file") }
    #expect(throws: PosixError.self) { try root.folder("folder") }
    #expect(try root.status(of: "file")?.kind == .symbolicLink)
  }

  @Test func fifosAndFoldersAreNotOpenedAsFiles() throws {
    let scratch = try TemporaryFolder()
    _ = try Command.run("mkfifo", [scratch("pipe")])
    let root = try Folder.open(scratch.path)
    #expect(throws: PosixError.self) { try root.file("pipe") }
    #expect(throws: PosixError.self) { try OpenedFile.open(scratch("pipe")) }
    #expect(throws: PosixError.self) { try OpenedFile.open(scratch.path) }
  }

  @Test func namesListsEverythingOnce() throws {
    let scratch = try TemporaryFolder()
    let root = try Folder.open(scratch.path)
    let expected = (0..<1000).map { "entry-\($0)" }
    for name in expected { _ = try root.makeFile(name, exclusively: true) }
    #expect(try root.names().sorted() == expected.sorted())
  }
}
