import Remotes
import StoreRecords
import Testing

@Suite struct RemoteReferenceTests {
  @Test(arguments: [
    ("oci:/a/b:v1.1", "/a/b", "v1.1"), ("oci:b:live", "b", "live"), ("oci:c:\\x/y:1", "c:\\x/y", "1"),
  ])
  func foldersAndTagsAreTold(text: String, folder: String, tag: String) throws {
    let reference = try RemoteReference(validating: text)
    #expect(reference.place == .layout(folder: folder) && reference.pick == .tag(tag) && reference.description == text)
  }

  @Test func aColonInAPathIsNoTag() throws {
    #expect(try RemoteReference(validating: "oci:/a:b/c").place == .layout(folder: "/a:b/c"))
    #expect(try RemoteReference(validating: "oci:/a:b/c").pick == nil)
  }

  @Test func aDigestNamesOneContent() throws {
    let digest = "sha256:" + String(repeating: "0a", count: 32)
    let reference = try RemoteReference(validating: "oci:x@\(digest)")
    #expect(reference.pick != nil && reference.description == "oci:x@\(digest)")
  }

  @Test(arguments: ["", "oci:", "oci::v1", "oci:\0:v1", "http:x"])
  func othersAreRefused(text: String) {
    #expect { try RemoteReference(validating: text) } throws: { ($0 as? StoreError)?.code == .invalidName }
  }
}
