import Foundation
import StoreRecords
import TestSupport
import Testing
import WeightRegistry
import WeightsFS

/// Files that are written into versions and drafts, without a kernel.
@Suite struct WritingTests {
  let fixture: TreeFixture
  let weights = SmallWeights.example(bias: 7)

  init() throws { fixture = try TreeFixture() }

  @Test func closedWeightsAppearInEveryFormat() throws {
    try fixture.makeFolder("mamba/v2.0")
    #expect(try fixture.names("mamba/v2.0").isEmpty)
    try fixture.put(Array("{}".utf8), at: "mamba/v2.0/config.json")
    let bytes = try weights.torchZip()
    try fixture.put(bytes, at: "mamba/v2.0/model.pt")
    #expect(
      Set(try fixture.names("mamba/v2.0")) == ["config.json", "model.safetensors", "model.pt", "model.bin"])
    #expect(try fixture.contents("mamba/v2.0/model.pt") == bytes)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == weights.safetensors())
    #expect(try fixture.contents("mamba/v2.0/config.json") == Array("{}".utf8))
  }

  @Test func anEmptyModelTakesItsFirstVersion() throws {
    try fixture.makeFolder("fresh")
    try fixture.makeFolder("fresh/v1")
    try fixture.put(try weights.safetensors(), at: "fresh/v1/model.safetensors")
    #expect(try fixture.tree.readLink(try fixture.inode("fresh/active")) == "v1")
  }

  @Test func nobodySeesHalfAWeightFile() throws {
    let bytes = try weights.safetensors()
    try fixture.makeFolder("mamba/v2.0")
    let half = try fixture.openForWriting("mamba/v2.0/model.safetensors")
    try fixture.write(Array(bytes.prefix(100)), to: half)
    #expect(try fixture.names("mamba/v2.0").isEmpty)
    #expect(fixture.failure { _ = try fixture.open("mamba/v2.0/model.safetensors") }?.errno == EBUSY)
    #expect(fixture.failure { try fixture.close(half) }?.errno == EINVAL)
    // The half stays as it is, without views, and is no version.
    #expect(try fixture.names("mamba/v2.0") == ["model.safetensors"])
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == Array(bytes.prefix(100)))
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1", "v2.0"])
  }

  @Test(arguments: ["model.safetensors", "pytorch_model.bin", "unet/weights.safetensors"])
  func whatIsNotFinishedIsFinishedByAppending(name: String) throws {
    let path = "mamba/v2.0/\(name)"
    let bytes = name.hasSuffix("bin") ? try weights.torchZip() : try weights.safetensors()
    try fixture.makeFolder("mamba/v2.0")
    if name.contains("/") { try fixture.makeFolder("mamba/v2.0/unet") }
    #expect(
      fixture.failure { try fixture.put(Array(bytes.prefix(100)), at: path) }?.reason.contains("not finished") == true)
    for end in [120, 200, bytes.count] {
      let size = try fixture.contents(path).count
      let file = try fixture.openForWriting(path, truncates: false)
      try fixture.write(Array(bytes[size..<end]), to: file, at: size)
      let failure = fixture.failure { try fixture.close(file) }
      #expect((failure == nil) == (end == bytes.count), "\(String(describing: failure))")
      #expect(try fixture.contents(path) == Array(bytes.prefix(end)))
      // It outlives the process.
      let again = try fixture.reopened()
      #expect(try again.contents(path) == Array(bytes.prefix(end)))
      #expect(
        again.registry.records.contains(try ModelName(validating: "mamba"), try VersionName(validating: "v2.0"))
          == (end == bytes.count))
    }
    let staged = try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("store/.staging"))
    #expect(!staged.contains { $0.hasPrefix("upload.") })
  }

  @Test func ofTwoWhoGoOnWithAFileNoneChangesWhatTheOtherPublishes() throws {
    let bytes = try weights.safetensors()
    let path = "mamba/v2.0/model.safetensors"
    try fixture.makeFolder("mamba/v2.0")
    _ = fixture.failure { try fixture.put(Array(bytes.prefix(100)), at: path) }
    let first = try fixture.openForWriting(path, truncates: false)
    let second = try fixture.openForWriting(path, truncates: false)
    try fixture.write(Array(bytes[100...]), to: first, at: 100)
    try fixture.close(first)
    try fixture.write([1, 2, 3], to: second, at: 20)
    _ = fixture.failure { try fixture.close(second) }
    #expect(try fixture.contents(path) == bytes)
  }

  @Test func aFirstCloseOfNothingIsNoError() throws {
    try fixture.makeFolder("mamba/v2.0")
    let file = try fixture.openForWriting("mamba/v2.0/model.safetensors")
    try fixture.tree.flush(file.handle) { false }
    try fixture.write(try weights.safetensors(), to: file)
    try fixture.close(file)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == weights.safetensors())
  }

  @Test func aPreallocatedFileIsNotFinished() throws {
    try fixture.makeFolder("mamba/v2.0")
    let bytes = try SmallWeights([("w", [Float](repeating: 0, count: 100_000))]).safetensors()
    let file = try fixture.openForWriting("mamba/v2.0/model.safetensors")
    let inode = try fixture.inode("mamba/v2.0/model.safetensors")
    _ = try fixture.tree.setAttributes(
      of: inode, AttributeChange(size: bytes.count, handle: file.handle), caller: fixture.caller,
      isInterrupted: { false })
    try fixture.write(Array(bytes.prefix(8192)), to: file)
    #expect(fixture.failure { try fixture.tree.flush(file.handle) { false } }?.errno == EINVAL)
    try fixture.write(bytes, to: file)
    try fixture.close(file)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == bytes)
  }

  @Test func publishedBytesDoNotChangeUnderTheirWriter() throws {
    try fixture.makeFolder("mamba/v2.0")
    let file = try fixture.openForWriting("mamba/v2.0/model.safetensors")
    try fixture.write(try weights.safetensors(), to: file)
    try fixture.tree.flush(file.handle) { false }
    #expect(fixture.failure { try fixture.write([1], to: file) }?.errno == EPERM)
    try fixture.close(file)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == weights.safetensors())
  }

  @Test func otherWeightsAreAnotherEditionUnlessTheVersionIsChosen() throws {
    let before = try fixture.contents("mamba/v1.1/model.safetensors")
    let reader = try fixture.open("mamba/v1.1/model.pt")
    let old = try fixture.contents(of: reader.handle)
    let new = try weights.torchZip()
    try fixture.put(new, at: "mamba/v1.1/model.pt")
    #expect(try fixture.contents("mamba/v1.1/model.pt") == new)
    #expect(try fixture.contents("mamba/v1.1/model.safetensors") == weights.safetensors())
    // Who reads the earlier edition keeps it.
    #expect(try fixture.contents(of: reader.handle) == old)
    fixture.tree.release(reader.handle)
    _ = try fixture.request("active", "mamba/v1.1")
    let other = try SmallWeights.example(bias: 9).torchZip()
    #expect(fixture.failure { try fixture.put(other, at: "mamba/v1.1/model.pt") }?.errno == EPERM)
    let reason = try fixture.tree.extendedAttribute("user.tantra.last_error", of: try fixture.inode("mamba/v1.1"))
    #expect(String(decoding: reason, as: UTF8.self).contains("frozen"))
    #expect(fixture.failure { try fixture.put(other, at: "mamba/v1.1/model.safetensors") }?.errno == EINVAL)
    #expect(try fixture.contents("mamba/v1.1/model.pt") == new)
    // The earlier edition comes back in its place, and that one can come back, too.
    _ = try fixture.request("active", "mamba/v1.0")
    _ = try fixture.request("restore", "mamba/v1.1@1")
    #expect(try fixture.contents("mamba/v1.1/model.safetensors") == before)
    _ = try fixture.request("restore", "mamba/v1.1@2")
    #expect(try fixture.contents("mamba/v1.1/model.pt") == new)
  }

  @Test func anEditionTakesItsOrdinaryFilesAlong() throws {
    try fixture.makeFolder("mamba/v2.0")
    func save(_ bias: Float) throws {
      try fixture.put(Array("\(bias)".utf8), at: "mamba/v2.0/config.json")
      try fixture.put(try SmallWeights.example(bias: bias).safetensors(), at: "mamba/v2.0/model.safetensors")
      try fixture.put(Array("after \(bias)".utf8), at: "mamba/v2.0/tokenizer.json")
    }
    try save(3)
    // Longer than a save takes, on a busy machine too.
    usleep(3_000_000)
    try save(4)
    let again = try fixture.reopened()
    #expect(try again.contents("mamba/v2.0/config.json") == Array("4.0".utf8))
    _ = try again.registry.retention.purge(nil, nil, olderThan: 1_000_000_000_000)
    _ = try again.request("restore", "mamba/v2.0@1")
    #expect(try again.contents("mamba/v2.0/config.json") == Array("3.0".utf8))
    #expect(try again.contents("mamba/v2.0/tokenizer.json") == Array("after 3.0".utf8))
    #expect(try again.contents("mamba/v2.0/model.safetensors") == SmallWeights.example(bias: 3).safetensors())
    _ = try again.request("restore", "mamba/v2.0@2")
    #expect(try again.contents("mamba/v2.0/config.json") == Array("4.0".utf8))
    #expect(try again.contents("mamba/v2.0/tokenizer.json") == Array("after 4.0".utf8))
  }

  @Test func theSameWeightsBecomeThatView() throws {
    let same = try SmallWeights.example(bias: 2).torchZip()
    let reader = try fixture.open("mamba/v1.1/model.pt")
    let before = try fixture.contents(of: reader.handle)
    try fixture.put(same, at: "mamba/v1.1/model.pt")
    #expect(try fixture.contents("mamba/v1.1/model.pt") == same)
    #expect(try fixture.contents(of: reader.handle) == before)
    fixture.tree.release(reader.handle)
  }

  @Test func aRenameOntoAWeightsNamePublishes() throws {
    try fixture.makeFolder("mamba/v2.0")
    try fixture.put(try weights.safetensors(), at: "mamba/v2.0/.model.x7Yz")
    #expect(try fixture.names("mamba/v2.0") == [".model.x7Yz"])
    try fixture.rename("mamba/v2.0/.model.x7Yz", to: "mamba/v2.0/model.safetensors")
    #expect(Set(try fixture.names("mamba/v2.0")) == ["model.safetensors", "model.pt", "model.bin"])
    // A sidecar's name serves as well, and so does a file that is still open.
    try fixture.makeFolder("mamba/v3.0")
    try fixture.put(try weights.safetensors(), at: "mamba/v3.0/tmpfile")
    try fixture.rename("mamba/v3.0/tmpfile", to: "mamba/v3.0/model.safetensors")
    try fixture.makeFolder("mamba/v4.0")
    let open = try fixture.openForWriting("mamba/v4.0/.tmpAb12", exclusively: true)
    try fixture.write(try weights.safetensors(), to: open)
    try fixture.rename("mamba/v4.0/.tmpAb12", to: "mamba/v4.0/model.safetensors")
    try fixture.close(open)
    for version in ["v3.0", "v4.0"] {
      #expect(Set(try fixture.names("mamba/\(version)")) == ["model.safetensors", "model.pt", "model.bin"])
    }
    #expect(
      fixture.failure {
        try fixture.put(Array("no weights".utf8), at: "mamba/v4.0/.tmp")
        try fixture.rename("mamba/v4.0/.tmp", to: "mamba/v4.0/model.safetensors")
      }?.errno == EINVAL)
  }

  @Test func copiesWithinTheMountStoreNothing() throws {
    let stored = try fixture.registry.statistics().storedBytes
    try fixture.makeFolder("mamba/v1.2")
    for name in ["model.safetensors", "model.pt", "model.bin", "config.json"] {
      try fixture.copy("mamba/v1.0/\(name)", to: "mamba/v1.2/\(name)", piece: 100)
      #expect(try fixture.contents("mamba/v1.2/\(name)") == fixture.contents("mamba/v1.0/\(name)"))
    }
    #expect(try fixture.registry.statistics().storedBytes == stored)
    let inode = try fixture.inode("mamba/v1.0/model.bin")
    try fixture.makeFolder("mamba/v1.3")
    let made = try fixture.tree.makeHardLink(
      to: inode, named: "model.bin", in: try fixture.inode("mamba/v1.3"), caller: fixture.caller,
      isInterrupted: { false })
    #expect(made.attributes.inode != inode)
    #expect(try fixture.contents("mamba/v1.3/model.bin") == fixture.contents("mamba/v1.0/model.bin"))
  }

  @Test func aVersionThatIsActiveByChoiceStays() throws {
    _ = try fixture.request("active", "mamba/v1.0")
    #expect(fixture.failure { try fixture.unlink("mamba/v1.0/model.pt") }?.errno == EPERM)
    #expect(fixture.failure { try fixture.removeFolder("mamba/v1.0") }?.errno == EBUSY)
    #expect(fixture.failure { try fixture.rename("mamba/v1.0", to: "mamba/v9") }?.errno == EBUSY)
    #expect(fixture.failure { try fixture.rename("mamba/v1.0/model.pt", to: "mamba/v1.0/other.pt") }?.errno == EPERM)
  }

  @Test func removedVersionsComeBackWhole() throws {
    try fixture.put([1, 2, 3], at: "mamba/v1.1/notes.txt")
    let files = try fixture.names("mamba/v1.1")
    #expect(fixture.failure { try fixture.removeFolder("mamba/v1.1") }?.errno == ENOTEMPTY)
    for name in files { try fixture.unlink("mamba/v1.1/\(name)") }
    #expect(try fixture.names("mamba/v1.1").isEmpty)
    try fixture.removeFolder("mamba/v1.1")
    #expect(!(try fixture.names("mamba").contains("v1.1")))
    _ = try fixture.request("restore", "mamba/v1.1")
    #expect(try fixture.names("mamba/v1.1") == files)
  }

  @Test func versionsAreRenamed() throws {
    let bytes = try fixture.contents("mamba/v1.1/model.pt")
    try fixture.rename("mamba/v1.1", to: "mamba/v1.5")
    #expect(try fixture.contents("mamba/v1.5/model.pt") == bytes)
    #expect(!(try fixture.names("mamba").contains("v1.1")))
    #expect(fixture.failure { try fixture.rename("mamba/v1.5", to: "mamba/v1.0") }?.errno == ENOTEMPTY)
  }

  @Test func renameOverActiveMovesTheRef() throws {
    try fixture.link("mamba/CuX12y", to: "v1.1")
    try fixture.rename("mamba/CuX12y", to: "mamba/active")
    #expect(try fixture.tree.readLink(try fixture.inode("mamba/active")) == "v1.1")
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1"])
    #expect(
      fixture.failure {
        try fixture.link("mamba/CuX12z", to: "v8")
        try fixture.rename("mamba/CuX12z", to: "mamba/active")
      }?.errno == ENOENT)
    try fixture.unlink("mamba/active")
    try fixture.link("mamba/active", to: "./v8/")
    #expect(try fixture.tree.readLink(try fixture.inode("mamba/active")) == "v8")
    #expect(fixture.failure { try fixture.link("mamba/active", to: "../x") }?.errno == EINVAL)
    try fixture.link("mamba/other", to: "../x")
    #expect(try fixture.tree.readLink(try fixture.inode("mamba/other")) == "../x")
  }

  @Test func draftsOutliveTheirProcess() throws {
    try fixture.makeFolder("mamba/v2.0")
    try fixture.makeFolder("mamba/v2.0/vocab")
    try fixture.put([1], at: "mamba/v2.0/vocab/a.txt")
    try fixture.put([2, 3], at: "mamba/v2.0/.part")
    let unfinished = try fixture.openForWriting("mamba/v2.0/model.pt")
    try fixture.write([1, 2, 3], to: unfinished)
    let again = try fixture.reopened()
    #expect(try again.names("mamba/v2.0").sorted() == [".part", "vocab"])
    #expect(try again.contents("mamba/v2.0/.part") == [2, 3])
    #expect(try again.contents("mamba/v2.0/vocab/a.txt") == [1])
    let staged = try FileManager.default.contentsOfDirectory(atPath: again.scratch("store/.staging"))
    #expect(staged.filter { $0.hasPrefix("upload.") }.count == 1)
  }

  @Test(arguments: ["model.safetensors", "model.pt", "pytorch_model.bin"])
  func whatIsNotFinishedIsNotPublishedAndCloseSaysSo(name: String) throws {
    let path = "mamba/v9.7-parts/\(name)"
    try fixture.makeFolder("mamba/v9.7-parts")
    let whole = name.hasSuffix("safetensors") ? try weights.safetensors() : try weights.torchZip()
    // Shells close a file once before they write to it.
    try fixture.put([], at: path)
    #expect(try fixture.names("mamba/v9.7-parts").isEmpty)
    for part in [Array(whole.prefix(7)), whole.dropLast(), [UInt8](repeating: 0, count: 100)] {
      let refusal = fixture.failure { try fixture.put(part, at: path) }
      #expect(
        refusal?.errno == EINVAL && refusal?.reason.isEmpty == false, "\(part.count): \(String(describing: refusal))")
      #expect(try fixture.names("mamba/v9.7-parts").allSatisfy { $0 == name })
    }
    try fixture.put(whole, at: path)
    #expect(try fixture.contents(path) == whole)
  }

  @Test func unsafePicklesAreQuarantined() throws {
    let pickle: [UInt8] = [0x80, 2] + Array("cos\nsystem\n(U\u{4}trueetR.".utf8)
    try fixture.put(pickle, at: "mamba/v1.0/training_args.bin")
    #expect(try fixture.names("mamba/v1.0").contains("training_args.bin"))
    #expect(fixture.failure { _ = try fixture.open("mamba/v1.0/training_args.bin") }?.errno == EACCES)
    // Nor does opening it to be changed, or a name that is meant for a while, let it be read.
    #expect(fixture.failure { _ = try fixture.open("mamba/v1.0/training_args.bin", writes: true) }?.errno == EACCES)
    try fixture.put(pickle, at: "mamba/v1.0/.hidden.pkl")
    #expect(fixture.failure { _ = try fixture.open("mamba/v1.0/.hidden.pkl") }?.errno == EACCES)
    try fixture.put(Array("text".utf8), at: "mamba/v1.0/training_args.bin")
    try fixture.put(try weights.torchZip(), at: "mamba/v1.0/optimizer.pt")
    #expect(try fixture.contents("mamba/v1.0/optimizer.pt") == weights.torchZip())
  }

  @Test func timesAreKeptAcrossRenames() throws {
    try fixture.makeFolder("mamba/v2.0")
    try fixture.put(try weights.safetensors(), at: "mamba/v2.0/.model.a1")
    let time: Int64 = 1_600_000_000_000_000_000
    _ = try fixture.tree.setAttributes(
      of: try fixture.inode("mamba/v2.0/.model.a1"), AttributeChange(modified: time), caller: fixture.caller,
      isInterrupted: { false })
    try fixture.rename("mamba/v2.0/.model.a1", to: "mamba/v2.0/model.safetensors")
    let made = try fixture.tree.attributes(of: try fixture.inode("mamba/v2.0/model.safetensors"))
    #expect(made.modified == time)
    for name in ["model.pt", "model.safetensors"] {
      _ = try fixture.tree.setAttributes(
        of: try fixture.inode("mamba/v2.0/\(name)"), AttributeChange(modified: time + 5), caller: fixture.caller,
        isInterrupted: { false })
      #expect(try fixture.tree.attributes(of: try fixture.inode("mamba/v2.0/\(name)")).modified == time + 5)
    }
  }
}
