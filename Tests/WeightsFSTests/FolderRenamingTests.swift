import Glibc
import StoreRecords
import TestSupport
import Testing
import WeightRegistry
import WeightsFS

/// A folder in a version is renamed in one step, with all that lies in it.
@Suite struct FolderRenamingTests {
  let fixture: TreeFixture

  init() throws {
    fixture = try TreeFixture()
    try fixture.put(Array("{}".utf8), at: "mamba/v1.1/config.json")
    try fixture.makeFolder("mamba/v1.1/unet")
    try fixture.makeFolder("mamba/v1.1/unet/deep")
    try fixture.put(Array("a".utf8), at: "mamba/v1.1/unet/a.txt")
    try fixture.put(Array("b".utf8), at: "mamba/v1.1/unet/deep/b.txt")
    try fixture.put(weights, at: "mamba/v1.1/unet/diffusion.safetensors")
  }

  private var weights: [UInt8] { get throws { try SmallWeights.example(bias: 5).safetensors() } }

  private func text(_ path: String) throws -> String { String(decoding: try fixture.contents(path), as: UTF8.self) }

  private func folder(_ version: String = "v1.1", in fixture: TreeFixture? = nil) throws -> VersionFolder {
    let records = (fixture ?? self.fixture).registry.records
    return try #require(
      try records.folder(of: ModelName(validating: "mamba"), VersionName(validating: version)))
  }

  private func errno(_ path: String, _ newPath: String, _ mode: RenameMode = .replacing) -> CInt? {
    fixture.failure { try fixture.rename(path, to: newPath, mode) }?.errno
  }

  @Test func allThatLiesInItMovesAndSurvives() throws {
    let paths = ["unet", "unet/a.txt", "unet/deep", "unet/deep/b.txt", "unet/diffusion.safetensors"]
    let inodes = try paths.map { try fixture.inode("mamba/v1.1/\($0)") }
    _ = try fixture.tree.setAttributes(of: inodes[0], AttributeChange(modified: 11), caller: fixture.caller) { false }
    _ = try fixture.tree.setAttributes(of: inodes[2], AttributeChange(modified: 12), caller: fixture.caller) { false }
    try fixture.rename("mamba/v1.1/unet", to: "mamba/v1.1/unet2")
    #expect(try !fixture.names("mamba/v1.1").contains("unet") && fixture.names("mamba/v1.1").contains("unet2"))
    for (path, inode) in zip(paths, inodes) {
      #expect(try fixture.inode("mamba/v1.1/unet2" + path.dropFirst(4)) == inode)
    }
    // The kernel goes on with the numbers that it knows.
    #expect(try fixture.tree.lookup("a.txt", in: inodes[0], caller: fixture.caller).attributes.inode == inodes[1])
    for other in [fixture, try fixture.reopened()] {
      #expect(try other.names("mamba/v1.1/unet2") == ["a.txt", "deep", "diffusion.safetensors"])
      #expect(try other.contents("mamba/v1.1/unet2/diffusion.safetensors") == weights)
      #expect(try other.contents("mamba/v1.1/unet2/deep/b.txt") == Array("b".utf8))
      #expect(try folder(in: other).modified(ofFolder: "unet2") == 11)
      #expect(try folder(in: other).modified(ofFolder: "unet2/deep") == 12)
      #expect(try folder(in: other).modified(ofFolder: "") > 12)
    }
    try fixture.makeFolder("mamba/v1.1/unet")
    #expect(try fixture.inode("mamba/v1.1/unet") != inodes[0])
  }

  @Test func itMovesIntoAnotherFolderAndOntoAnEmptyOne() throws {
    try fixture.rename("mamba/v1.1/unet/deep", to: "mamba/v1.1/deep")
    try fixture.makeFolder("mamba/v1.1/empty")
    try fixture.rename("mamba/v1.1/unet", to: "mamba/v1.1/empty")
    try fixture.rename("mamba/v1.1/empty", to: "mamba/v1.1/deep/unet")
    #expect(try fixture.names("mamba/v1.1/deep") == ["b.txt", "unet"])
    #expect(try text("mamba/v1.1/deep/unet/a.txt") == "a")
  }

  @Test func whatIsOpenInItGoesOn() throws {
    let log = try fixture.open("mamba/v1.1/unet/a.txt", writes: true)
    let fresh = try fixture.openForWriting("mamba/v1.1/unet/late.safetensors")
    let reader = try fixture.open("mamba/v1.1/unet/diffusion.safetensors")
    try fixture.write(Array("A".utf8), to: log)
    try fixture.write(try weights, to: fresh)
    try fixture.rename("mamba/v1.1/unet", to: "mamba/v1.1/unet2")
    try fixture.write(Array("B".utf8), to: log, at: 1)
    try fixture.close(log)
    try fixture.close(fresh)
    #expect(try fixture.contents(of: reader.handle) == weights)
    fixture.tree.release(reader.handle)
    #expect(try text("mamba/v1.1/unet2/a.txt") == "AB")
    #expect(try fixture.contents("mamba/v1.1/unet2/late.safetensors") == weights)
    #expect(try !fixture.names("mamba/v1.1").contains("unet"))
    #expect(try folder().file(at: "unet2/a.txt")?.blob != nil && folder().isPublishedWeights("unet2/late.safetensors"))
  }

  @Test func whatIsNotFinishedIsFinishedThere() throws {
    let (half, all) = (try weights.count / 2, try weights)
    let part = try fixture.openForWriting("mamba/v1.1/unet/late.safetensors")
    try fixture.write(Array(all[..<half]), to: part)
    #expect(fixture.failure { try fixture.close(part) }?.errno == EINVAL)
    try fixture.rename("mamba/v1.1/unet", to: "mamba/v1.1/unet2")
    let rest = try fixture.openForWriting("mamba/v1.1/unet2/late.safetensors", truncates: false)
    try fixture.write(Array(all[half...]), to: rest, at: half)
    try fixture.close(rest)
    #expect(try folder().isPublishedWeights("unet2/late.safetensors"))
  }

  @Test func errorsAreThoseOfADisk() throws {
    try fixture.makeFolder("mamba/v1.1/vae")
    try fixture.put(Array("c".utf8), at: "mamba/v1.1/vae/c.txt")
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/unet/deep/unet") == EINVAL)
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/vae") == ENOTEMPTY)
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/config.json") == ENOTDIR)
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/model.pt") == ENOTDIR)
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/pytorch_model.bin") == EINVAL)
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/vae", .keeping) == EEXIST)
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/vae", .exchanging) == EINVAL)
    #expect(errno("mamba/v1.1/none", "mamba/v1.1/unet2") == ENOENT)
    #expect(errno("mamba/v1.1/unet", "mamba/v1.0/unet") == EXDEV)
    #expect(errno("mamba/v1.1/unet", "mamba/unet") == EXDEV)
    // What is in a folder whose name begins with a dot is no weight file.
    #expect(errno("mamba/v1.1/unet", "mamba/v1.1/.unet") == EXDEV)
    #expect(try fixture.names("mamba/v1.1/unet") == ["a.txt", "deep", "diffusion.safetensors"])
    try fixture.rename("mamba/v1.1/unet", to: "mamba/v1.1/unet2", .keeping)
  }

  @Test func filesThatWaitedForAnotherNameBecomeBlobs() throws {
    try fixture.makeFolder("mamba/v1.1/.new")
    try fixture.put(Array("n".utf8), at: "mamba/v1.1/.new/n.txt")
    #expect(try folder().file(at: ".new/n.txt")?.upload != nil)
    try fixture.rename("mamba/v1.1/.new", to: "mamba/v1.1/new")
    #expect(try eventually { try folder().file(at: "new/n.txt")?.blob != nil })
    #expect(try text("mamba/v1.1/new/n.txt") == "n")
  }

  @Test func aFrozenVersionKeepsItsFolders() throws {
    _ = try fixture.request("active", "mamba/v1.1")
    let failure = fixture.failure { try fixture.rename("mamba/v1.1/unet", to: "mamba/v1.1/unet2") }
    #expect(failure?.errno == EPERM && failure?.reason.contains("frozen") == true)
    // What is new in it is not frozen before it holds something.
    try fixture.makeFolder("mamba/v1.1/fresh")
    try fixture.rename("mamba/v1.1/fresh", to: "mamba/v1.1/fresher")
  }

  @Test func whatWasRemovedFromItComesBackWithItUnderItsNewName() throws {
    try fixture.unlink("mamba/v1.1/unet/a.txt")
    try fixture.rename("mamba/v1.1/unet", to: "mamba/v1.1/unet2")
    for name in ["deep/b.txt", "diffusion.safetensors"] { try fixture.unlink("mamba/v1.1/unet2/\(name)") }
    for name in ["unet2/deep", "unet2"] { try fixture.removeFolder("mamba/v1.1/\(name)") }
    // What is hidden under a name gives way to what gets it.
    try fixture.makeFolder("mamba/v1.1/other")
    try fixture.put(Array("other".utf8), at: "mamba/v1.1/other/a.txt")
    try fixture.rename("mamba/v1.1/other", to: "mamba/v1.1/unet2")
    #expect(try fixture.names("mamba/v1.1/unet2") == ["a.txt"])
    for name in try fixture.names("mamba/v1.1") where name != "unet2" { try fixture.unlink("mamba/v1.1/\(name)") }
    try fixture.unlink("mamba/v1.1/unet2/a.txt")
    try fixture.removeFolder("mamba/v1.1/unet2")
    try fixture.removeFolder("mamba/v1.1")
    _ = try fixture.registry.retention.restore(try ModelName(validating: "mamba"), try VersionName(validating: "v1.1"))
    #expect(try fixture.names("mamba/v1.1/unet2") == ["a.txt", "deep", "diffusion.safetensors"])
    #expect(try text("mamba/v1.1/unet2/a.txt") == "other" && text("mamba/v1.1/unet2/deep/b.txt") == "b")
  }
}
