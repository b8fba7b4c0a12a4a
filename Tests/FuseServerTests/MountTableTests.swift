import FuseServer
import Testing

struct MountTableTests {
  @Test func linesAreReadWithEscapesAndOptionalFields() throws {
    let text = #"""
      22 1 252:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
      90 22 0:47 / /mnt/a\040b\134c\011 rw,nosuid,nodev master:2 propagate_from:3 - fuse.tantra tantra rw,user_id=1000,group_id=1000,allow_other
      91 22 0:48 / /mnt/x ro,relatime - fuse.tantra tantra rw,user_id=0
      """#
    let table = MountTable(mountinfo: Array(text.utf8))
    #expect(table.entries.count == 3)
    #expect(table.tantraMounts.map(\.mountpoint) == ["/mnt/a b\\c\t", "/mnt/x"])
    let first = try #require(table.top(at: "/mnt/a b\\c\t"))
    #expect(first.ownerUID == 1000 && first.device == "0:47" && first.allowsOthers && !first.isReadOnly)
    #expect(table.top(at: "/mnt/x")?.isReadOnly == true)
    #expect(table.top(at: "/")?.ownerUID == nil)
  }

  @Test func theLaterOfTwoMountsIsOnTop() {
    let text = "1 0 0:1 / /m rw - tmpfs a rw\n2 1 0:2 / /m rw - fuse.tantra tantra rw\n"
    #expect(MountTable(mountinfo: Array(text.utf8)).top(at: "/m")?.device == "0:2")
  }

  @Test(arguments: [
    "", "\n\n", "1 2 3", "1 0 0:1 / /m rw - tmpfs", "x 0 0:1 / /m rw - tmpfs a rw", "1 0 0:1 / /m rw tmpfs a rw b c d",
    "1 0 0:1 / /m rw - ", #"\ \0 \777 \08 \ \\ - - - - -"#, "- - - - - - - - - - - -",
  ])
  func whatIsNoLineIsLeftOutOrHarmless(text: String) {
    for entry in MountTable(mountinfo: Array(text.utf8)).entries { #expect(!entry.isTantra) }
  }

  @Test func thisSystemsTableHasARoot() throws {
    #expect(try MountTable.current().entries.contains { $0.mountpoint == "/" })
  }
}
