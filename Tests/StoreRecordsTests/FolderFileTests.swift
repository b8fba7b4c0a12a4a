import StoreRecords
import Tensors
import TestSupport
import Testing

/// Records of single files and links.
@Suite struct FolderFileTests {
  private func read(_ text: String) throws -> FolderFile {
    try StoreCoding.decode(FolderFile.self, from: Array(text.utf8), what: "a file")
  }

  private func text(_ file: FolderFile) throws -> String {
    String(decoding: try StoreCoding.encode(file, pretty: false), as: UTF8.self)
  }

  private static let upload = "\"byteCount\":0,\"modified\":5,\"path\":\"x\",\"upload\":\"upload.1\""

  @Test func recordsThatKnowOnlyProgramsAreRead() throws {
    #expect(try read("{\(Self.upload)}").properties.permissions == 0o644)
    #expect(try read("{\"isExecutable\":true,\(Self.upload)}").properties.permissions == 0o755)
    #expect(try read("{\"isExecutable\":false,\(Self.upload)}").properties.permissions == 0o644)
  }

  @Test(arguments: [0, 0o111, 0o400, 0o600, 0o755, 0o777, 0o4755, 0o1777] as [UInt32])
  func permissionsAreKept(permissions: UInt32) throws {
    var file = RecordsFixture.file("x")
    file.properties.permissions = permissions
    #expect(try read(text(file)) == file)
    #expect(try text(file).contains("\"mode\":\"\(String(permissions, radix: 8))\""))
    #expect(try !text(RecordsFixture.file("x")).contains("mode"))
  }

  @Test func aLinkIsKeptByteForByte() throws {
    let plain = FolderFile(path: "x", link: "../config.json", modified: 5)
    #expect(try text(plain) == "{\"byteCount\":14,\"link\":\"../config.json\",\"modified\":5,\"path\":\"x\"}")
    for bytes in [Array(1...255), [0xFF], Array("e\u{301}".utf8), Array("\u{E9}".utf8)] as [[UInt8]] {
      let link = FolderFile(path: "x", link: LinkTarget(bytes), modified: 5)
      #expect(try read(text(link)).link?.bytes == bytes)
      #expect(link.blobs.isEmpty && link.blob == nil && link.upload == nil)
    }
    #expect(throws: StoreError.self) {
      try read("{\"byteCount\":1,\"link\":\"\u{100}\",\"modified\":5,\"path\":\"x\"}")
    }
  }

  @Test func linksOfAVersionBelongToItsManifest() throws {
    let fixture = try RecordsFixture()
    let records = try fixture.open()
    let link = FolderFile(path: "sub/link", link: "../config.json", modified: 5)
    try fixture.publish(fixture.version, files: [link], in: records)
    try records.transaction(fixture.model) { (records) throws(StoreError) in
      try records.change(fixture.version, [.put(FolderFile(path: "link", link: "b", modified: 6)), .hide("sub/link")])
    }
    let folder = try #require(try fixture.reopened().folder(of: fixture.model, fixture.version))
    #expect(folder.publishedFiles.map(\.path) == ["link", "sub/link"] && folder.keptFiles.isEmpty)
    #expect(folder.hides("sub/link") && folder.removal(of: "link") == .hide("link"))
    try folder.completeManifest?.checkConsistency()
  }

  @Test(arguments: [
    "{\"put\":{\"byteCount\":3,\"link\":\"ab\",\"modified\":5,\"path\":\"x\"}}",
    "{\"put\":{\"byteCount\":0,\"link\":\"\",\"modified\":5,\"path\":\"x\"}}",
    "{\"put\":{\"byteCount\":1,\"link\":\"\\u0000\",\"modified\":5,\"path\":\"x\"}}",
    "{\"put\":{\"mode\":\"14755\",\(upload)}}", "{\"put\":{\"mode\":\"9\",\(upload)}}",
  ])
  func whatNoFileSystemHasIsDamage(line: String) throws {
    let fixture = try RecordsFixture()
    let draft = try VersionName(validating: "draft")
    do {
      let records = try fixture.open()
      try records.transaction(fixture.model) { (records) throws(StoreError) in try records.makeFolder(draft) }
    }
    let path = fixture.journalPath(draft, revision: 0)
    try fixture.scratch.write(path, try fixture.scratch.read(path) + Array("\(line)\n".utf8))
    #expect(throws: StoreError.self) { try fixture.open().folder(of: fixture.model, draft) }
  }
}
