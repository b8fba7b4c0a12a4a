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

  @Test(arguments: [
    ("ghcr.io/team/mamba:live", "ghcr.io", "team/mamba", "live"), ("localhost/a:1", "localhost", "a", "1"),
    ("127.0.0.1:5000/a-b/c__d.e:v1", "127.0.0.1:5000", "a-b/c__d.e", "v1"), ("[::1]:5000/a:v", "[::1]:5000", "a", "v"),
  ])
  func registriesAreHostsAndRepositories(text: String, host: String, repository: String, tag: String) throws {
    let reference = try RemoteReference(validating: text)
    #expect(reference.place == .registry(host: host, repository: repository) && reference.pick == .tag(tag))
    #expect(reference.description == text)
  }

  @Test(arguments: [
    ("https://a.example/x/y:v1", "https://a.example/x/y", "v1"),
    ("http://127.0.0.1:80/x:v1", "http://127.0.0.1:80/x", "v1"),
    ("https://a.example:8443", "https://a.example:8443", nil),
    ("https://a.example:8443/x", "https://a.example:8443/x", nil),
  ])
  func mirrorsAreAddresses(text: String, url: String, tag: String?) throws {
    let reference = try RemoteReference(validating: text)
    #expect(reference.place == .mirror(url: url) && reference.pick == tag.map { .tag($0) })
  }

  @Test func aDigestNamesOneContent() throws {
    let digest = "sha256:" + String(repeating: "0a", count: 32)
    let reference = try RemoteReference(validating: "oci:x@\(digest)")
    #expect(reference.pick != nil && reference.description == "oci:x@\(digest)")
  }

  @Test(arguments: [
    "", "oci:", "oci::v1", "oci:\0:v1", "http:x", "team/mamba:v1", "ghcr.io/", "ghcr.io/UPPER:v1", "ghcr.io/a//b:v1",
    "ghcr.io/-a:v1", "https://", "https://user:secret@a.example/x:v1", "a.b\n/c:v1",
  ])
  func othersAreRefused(text: String) {
    #expect { try RemoteReference(validating: text) } throws: { ($0 as? StoreError)?.code == .invalidName }
  }
}
