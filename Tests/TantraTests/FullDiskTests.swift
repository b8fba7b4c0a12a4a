import Foundation
import Glibc
import TestSupport
import Testing

/// A store on a real file system of 512 KiB.
@Suite(.enabled(if: geteuid() == 0, "mounting a small tmpfs needs root")) struct FullDiskTests {
  /// A mounted tmpfs; unmounted with the last reference.
  private final class SmallDisk: Sendable {
    let scratch: TemporaryFolder
    let path: String

    init() throws {
      scratch = try TemporaryFolder()
      path = scratch("disk")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      let mount = try Command.run("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", path])
      guard mount.status == 0 else { throw OracleFailure(description: mount.errorText) }
    }

    deinit {
      do {
        _ = try Command.run("umount", [path])
      } catch {
        print("could not unmount \(path): \(error)")
      }
    }

    func tantra(_ arguments: String...) throws -> Command {
      try Command.run(TantraFixture.executable, arguments, environment: ["TANTRA_STORE": path + "/store"])
    }

    /// Fills the disk but for `pages` pages.
    func fill(leaving pages: Int) throws {
      let descriptor = open(path + "/ballast", O_WRONLY | O_CREAT, 0o644)
      defer { close(descriptor) }
      let page = [UInt8](repeating: 1, count: 4096)
      while write(descriptor, page, page.count) == page.count {}
      var status = stat()
      fstat(descriptor, &status)
      guard ftruncate(descriptor, status.st_size - pages * 4096) == 0 else {
        throw OracleFailure(description: "ftruncate")
      }
    }

    func removeIndex() throws {
      for name in try FileManager.default.contentsOfDirectory(atPath: path + "/store") where name.hasPrefix("index.") {
        try FileManager.default.removeItem(atPath: path + "/store/" + name)
      }
    }

    func clear() throws { try FileManager.default.removeItem(atPath: path + "/ballast") }
  }

  /// Where there is an index it is given up first, for the room that it takes: then an import needs no other.
  @Test(arguments: [true, false]) func howeverLittleSpaceIsLeftAnImportWorksOrChangesNothing(hasIndex: Bool) throws {
    let disk = try SmallDisk()
    let one = try disk.scratch.write("one.safetensors", try SmallWeights.example(bias: 1).safetensors())
    let two = try disk.scratch.write("two.safetensors", try SmallWeights.example(bias: 2).safetensors())
    #expect(try disk.tantra("import", one, "--model", "m", "--version", "v1").status == 0)
    let before = try StoreState(ofStoreAt: disk.path + "/store")
    var refusals = 0
    for pages in 0..<20 {
      if !hasIndex { try disk.removeIndex() }
      try disk.fill(leaving: pages)
      let command = try disk.tantra("import", two, "--model", "m", "--version", "v2", "--active")
      #expect(try StoreState.problems(ofStoreAt: disk.path + "/store") == [])
      if command.status == 0 { break }
      refusals += 1
      #expect(command.status == 74 && command.errorText.contains("the disk is full"), "\(command.errorText)")
      #expect(try StoreState(ofStoreAt: disk.path + "/store") == before)
      // Nothing is in the way of those who free space.
      let purge = try disk.tantra("purge")
      #expect(purge.status == 0, "\(purge.errorText)")
      #expect(try StoreState.leftovers(inStoreAt: disk.path + "/store") == [])
      try disk.clear()
    }
    print("refused \(refusals) times, with a page more each time, \(hasIndex ? "with" : "without") an index")
    #expect((hasIndex ? 0..<2 : 2..<20).contains(refusals))
    #expect(try StoreState(ofStoreAt: disk.path + "/store").description.contains("m active v2"))
  }

  @Test func purgeGivesSpaceBackOnAFullDisk() throws {
    let disk = try SmallDisk()
    let large = SmallWeights([("w", (0..<30_000).map(Float.init))])
    let one = try disk.scratch.write("one.safetensors", try SmallWeights.example().safetensors())
    let two = try disk.scratch.write("two.safetensors", try large.safetensors())
    #expect(try disk.tantra("import", one, "--model", "m", "--version", "v1").status == 0)
    #expect(try disk.tantra("import", two, "--model", "m", "--version", "v2").status == 0)
    #expect(try disk.tantra("cleanup", "m", "--keep", "1").status == 0)
    try disk.fill(leaving: 0)
    let refused = try disk.tantra("import", two, "--model", "m", "--version", "v3")
    #expect(refused.status == 74 && refused.errorText.contains("tantra purge"), "\(refused.errorText)")
    let purge = try disk.tantra("purge")
    #expect(purge.status == 0 && purge.outputText.hasPrefix("purged m/v2; removed 2 blobs"), "\(purge.errorText)")
    #expect(try disk.tantra("import", two, "--model", "m", "--version", "v3").status == 0)
  }
}
