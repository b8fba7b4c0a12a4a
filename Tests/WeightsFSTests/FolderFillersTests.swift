import Glibc
import StoreRecords
import Synchronization
import TestSupport
import Testing
import WeightsFS

/// Who fills a folder does not find in it what others have made.
@Suite struct FolderFillersTests {
  private final class Clock: Sendable {
    private let time = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { time.withLock { $0 } }
    func pass(_ duration: Duration) { time.withLock { $0 += duration } }
  }

  private let clock: Clock
  private let fillers: FolderFillers

  init() {
    let clock = Clock()
    self.clock = clock
    fillers = FolderFillers { clock.now }
  }

  private func place(_ path: String, in version: String = "v1", of model: String = "small") throws -> FilePlace {
    FilePlace(
      model: try ModelName(validating: model),
      version: version.isEmpty ? .own : try VersionName(validating: version), path: path)
  }

  private func sees(_ path: String, in version: String = "v1", of model: String = "small", _ pid: Int32) throws -> Bool
  {
    !fillers.hides(try place(path, in: version, of: model), from: pid)
  }

  @Test func othersSeeEverythingAndAFillerWhatItHasMade() throws {
    fillers.noteMade(try place("model.bin"), by: 7, isExclusive: true, open: HandleNumber(rawValue: 1))
    #expect(try !sees("model.pt", 7) && !sees("model.safetensors", 7) && sees("model.bin", 7))
    #expect(try sees("model.pt", 8) && sees("model.pt", in: "v2", 7) && sees("model.pt", of: "other", 7))
    #expect(try sees("config.json", 7) && sees("unet/model.pt", 7))
    // Over a view that it does not see a filler makes another.
    fillers.noteMade(try place("model.pt"), by: 7, isExclusive: false)
    #expect(try sees("model.pt", 7))
  }

  @Test func whoMakesNoFileExclusivelyFillsNothing() throws {
    fillers.noteMade(try place("model.bin"), by: 7, isExclusive: false, open: HandleNumber(rawValue: 1))
    #expect(try sees("model.pt", 7) && fillers.count == 0)
  }

  @Test func aFillerIsOneAsLongAsItHasAFileOpenAndForAMoment() throws {
    let handle = HandleNumber(rawValue: 1)
    fillers.noteMade(try place("unet/a.txt"), by: 7, isExclusive: true, open: handle)
    clock.pass(.seconds(100))
    #expect(try !sees("model.pt", 7))
    fillers.noteClosed(handle)
    clock.pass(.milliseconds(999))
    #expect(try !sees("model.pt", 7))
    clock.pass(.milliseconds(1))
    #expect(try sees("model.pt", 7))
    // A link is open nowhere.
    fillers.noteMade(try place("model.bin"), by: 7, isExclusive: true)
    #expect(try !sees("model.pt", 7))
    clock.pass(.seconds(1))
    #expect(try sees("model.pt", 7))
    // What it has made is forgotten then: the next copy over it begins anew.
    fillers.noteMade(try place("config.json"), by: 7, isExclusive: true)
    #expect(try !sees("model.bin", 7))
  }

  @Test func whoFillsAVersionMayMakeTheLinkToIt() throws {
    #expect(try sees("active", in: "", 0))
    fillers.noteMade(try place("model.bin"), by: 0, isExclusive: true)
    #expect(try !sees("active", in: "", 0) && sees("active", in: "", 7) && sees("README.md", in: "", 0))
    fillers.noteMade(try place("active", in: ""), by: 0, isExclusive: true)
    #expect(try sees("active", in: "", 0) && !sees("model.pt", 0))
  }

  @Test func fillersAreForgotten() throws {
    for pid in 1...1000 { fillers.noteMade(try place("a.txt"), by: Int32(pid), isExclusive: true) }
    #expect(fillers.count <= FolderFillers.limit)
    #expect(try !sees("model.pt", 1000))
    fillers.noteMade(try place("a.txt"), by: 2000, isExclusive: true, open: HandleNumber(rawValue: 1))
    clock.pass(.seconds(1))
    fillers.noteMade(try place("a.txt"), by: 2001, isExclusive: true)
    #expect(try fillers.count == 2 && !sees("model.pt", 2000))
  }

  // MARK: In a tree
  // No process has the number of these callers, so that none can be looked at.

  private let stranger = Caller(uid: 0, gid: 0, pid: 0)

  @Test func aStrangerMakesAllFilesOfAVersionAndAnotherSeesThemAtOnce() throws {
    let fixture = try TreeFixture()
    let other = Caller(uid: 0, gid: 0, pid: .max)
    try fixture.makeFolder("mamba/v2")
    let folder = try fixture.inode("mamba/v2")
    let bytes = try SmallWeights.example(bias: 3).torchZip()
    for name in ["model.bin", "model.pt"] {
      // Where the kernel finds the name it fails.
      let found = fixture.failure { _ = try fixture.tree.lookup(name, in: folder, caller: stranger) }
      #expect(found?.errno == ENOENT)
      let access = OpenAccess(reads: false, writes: true, truncates: false, caller: stranger)
      let file = try fixture.tree.create(name, in: folder, access, isExclusive: true).file
      try fixture.write(bytes, to: file)
      try fixture.close(file)
      for view in ["model.bin", "model.pt", "model.safetensors"] {
        #expect(try fixture.tree.lookup(view, in: folder, caller: other).attributes.size > 0)
      }
      #expect(try fixture.tree.lookup(name, in: folder, caller: stranger).attributes.size == bytes.count)
    }
    usleep(1_100_000)
    #expect(try fixture.tree.lookup("model.safetensors", in: folder, caller: stranger).attributes.size > 0)
  }

  @Test func whatAStrangerRenamesIsItsOwn() throws {
    let fixture = try TreeFixture()
    try fixture.makeFolder("mamba/v2")
    let folder = try fixture.inode("mamba/v2")
    let access = OpenAccess(reads: false, writes: true, truncates: false, caller: stranger)
    let file = try fixture.tree.create(".tmp", in: folder, access, isExclusive: true).file
    try fixture.write(try SmallWeights.example(bias: 3).torchZip(), to: file)
    try fixture.close(file)
    try fixture.tree.rename(
      ".tmp", in: folder, to: "model.pt", in: folder, .replacing, caller: stranger
    ) { false }
    #expect(try fixture.tree.lookup("model.pt", in: folder, caller: stranger).attributes.size > 0)
    let found = fixture.failure { _ = try fixture.tree.lookup("model.bin", in: folder, caller: stranger) }
    #expect(found?.errno == ENOENT)
  }

  @Test func aStrangerMakesTheLinkThatTheFirstVersionBrings() throws {
    let fixture = try TreeFixture()
    try fixture.makeFolder("fresh")
    try fixture.makeFolder("fresh/v1")
    let (model, folder) = (try fixture.inode("fresh"), try fixture.inode("fresh/v1"))
    let access = OpenAccess(reads: false, writes: true, truncates: false, caller: stranger)
    let file = try fixture.tree.create("model.bin", in: folder, access, isExclusive: true).file
    try fixture.write(try SmallWeights.example().torchZip(), to: file)
    try fixture.close(file)
    #expect(try fixture.tree.readLink(try fixture.inode("fresh/active")) == "v1")
    let found = fixture.failure { _ = try fixture.tree.lookup("active", in: model, caller: stranger) }
    #expect(found?.errno == ENOENT)
    _ = try fixture.tree.makeSymbolicLink("active", in: model, target: "v1", caller: stranger)
    _ = try fixture.tree.lookup("active", in: model, caller: stranger)
  }
}
