import Foundation
import StoreRecords
import Synchronization
import TestSupport
import Testing
import WeightRegistry
import WeightsFS

/// An ordinary file is one file for all who read and write it, as on a disk.
@Suite struct OrdinaryFileTests {
  let fixture: TreeFixture

  init() throws {
    fixture = try TreeFixture()
    try fixture.makeFolder("run")
    try fixture.makeFolder("run/v1")
  }

  private func text(_ path: String) throws -> String { String(decoding: try fixture.contents(path), as: UTF8.self) }

  private func size(_ path: String) throws -> Int { try fixture.tree.attributes(of: fixture.inode(path)).size }

  private func openBoth(_ path: String) throws -> OpenFile { try fixture.open(path, writes: true) }

  private var storedFiles: Int {
    get throws { try FileManager.default.subpathsOfDirectory(atPath: fixture.scratch("store/weights")).count }
  }

  /// Whether no upload is left, once those are gone that were frozen while somebody wrote to them.
  private func nothingIsStaged() throws -> Bool {
    try eventually {
      fixture.registry.records.uploads.releaseAll()
      let names = try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("store/.staging"))
      return !names.contains { $0.hasPrefix("upload.") }
    }
  }

  @Test func whatOneWritesAnotherReadsBeforeItIsClosed() throws {
    let writer = try fixture.openForWriting("run/v1/train.log")
    #expect(try fixture.names("run/v1") == ["train.log"])
    try fixture.write(Array("one\n".utf8), to: writer)
    #expect(try text("run/v1/train.log") == "one\n")
    let second = try openBoth("run/v1/train.log")
    try fixture.write(Array("two\n".utf8), to: second, at: 4)
    #expect(try size("run/v1/train.log") == 8)
    #expect(try fixture.contents(of: writer.handle) == Array("one\ntwo\n".utf8))
    try fixture.close(writer)
    try fixture.write(Array("three\n".utf8), to: second, at: 8)
    try fixture.close(second)
    #expect(try text("run/v1/train.log") == "one\ntwo\nthree\n")
    // At rest it is a blob.
    let folder = try fixture.registry.records.folder(
      of: ModelName(validating: "run"), VersionName(validating: "v1"))
    #expect(folder?.file(at: "train.log")?.blob != nil)
    #expect(try nothingIsStaged())
  }

  @Test func itIsOneInodeThroughAllThat() throws {
    try fixture.put(Array("a".utf8), at: "run/v1/a.txt")
    let before = try fixture.inode("run/v1/a.txt")
    try fixture.put(Array("b".utf8), at: "run/v1/a.txt")
    let writer = try openBoth("run/v1/a.txt")
    try fixture.write(Array("c".utf8), to: writer)
    #expect(try fixture.inode("run/v1/a.txt") == before)
    try fixture.close(writer)
    #expect(try fixture.inode("run/v1/a.txt") == before)
    #expect(try text("run/v1/a.txt") == "c")
  }

  @Test func aSizeThatIsCutShowsAtOnce() throws {
    try fixture.put(Array("abcdef".utf8), at: "run/v1/a.txt")
    let inode = try fixture.inode("run/v1/a.txt")
    let reader = try fixture.open("run/v1/a.txt")
    _ = try fixture.tree.setAttributes(
      of: inode, AttributeChange(size: 2), caller: fixture.caller
    ) { false }
    #expect(try size("run/v1/a.txt") == 2)
    #expect(try fixture.contents(of: reader.handle) == Array("ab".utf8))
    let writer = try fixture.openForWriting("run/v1/a.txt", truncates: true)
    #expect(try size("run/v1/a.txt") == 0)
    try fixture.close(writer)
    #expect(try size("run/v1/a.txt") == 0)
    fixture.tree.release(reader.handle)
    #expect(try text("run/v1/a.txt").isEmpty)
  }

  /// A file is judged each time it is opened; one that is cut meanwhile is judged by what it is then.
  @Test func aFileThatIsCutWhileItIsOpenedOpens() throws {
    try fixture.put(Array("end".utf8), at: "run/v1/s.json")
    let fixture = fixture
    let failures = Mutex<[String]>([])
    let writing = Atomic(true)
    Threads.run(3) { index in
      do {
        if index == 0 {
          defer { writing.store(false, ordering: .relaxed) }
          for round in 0..<300 {
            let writer = try fixture.openForWriting("run/v1/s.json")
            try fixture.write([UInt8](repeating: UInt8(ascii: "x"), count: 1 + round), to: writer)
            try fixture.close(writer)
          }
        } else {
          while writing.load(ordering: .relaxed) {
            fixture.tree.release(try fixture.open("run/v1/s.json").handle)
          }
        }
      } catch {
        failures.withLock { $0.append("\(index): \(error)") }
      }
    }
    #expect(failures.withLock { $0 } == [])
  }

  @Test func aFileThatIsRemovedStaysWithWhoHasItOpen() throws {
    try fixture.put(Array("old".utf8), at: "run/v1/a.txt")
    let inode = try fixture.inode("run/v1/a.txt")
    let writer = try openBoth("run/v1/a.txt")
    try fixture.write(Array("new".utf8), to: writer)
    try fixture.unlink("run/v1/a.txt")
    #expect(try fixture.names("run/v1").isEmpty)
    #expect(try fixture.tree.attributes(of: inode).linkCount == 0)
    try fixture.write(Array("er".utf8), to: writer, at: 3)
    #expect(try fixture.contents(of: writer.handle) == Array("newer".utf8))
    // Another file under the name has nothing to do with it.
    try fixture.put(Array("second".utf8), at: "run/v1/a.txt")
    #expect(try fixture.inode("run/v1/a.txt") != inode)
    #expect(try fixture.contents(of: writer.handle) == Array("newer".utf8))
    try fixture.close(writer)
    #expect(try text("run/v1/a.txt") == "second")
    #expect(try nothingIsStaged())
  }

  @Test(arguments: [true, false]) func aRenameTakesTheFileAlongAndReplacesAnother(isOpen: Bool) throws {
    try fixture.put(Array("source".utf8), at: "run/v1/a.txt")
    try fixture.put(Array("target".utf8), at: "run/v1/b.txt")
    let (a, b) = (try fixture.inode("run/v1/a.txt"), try fixture.inode("run/v1/b.txt"))
    let reader = try fixture.open("run/v1/b.txt")
    let writer = isOpen ? try openBoth("run/v1/a.txt") : nil
    if let writer { try fixture.write(Array("SO".utf8), to: writer) }
    try fixture.rename("run/v1/a.txt", to: "run/v1/b.txt")
    #expect(try fixture.names("run/v1") == ["b.txt"])
    #expect(try fixture.inode("run/v1/b.txt") == a)
    #expect(a != b)
    #expect(try fixture.contents(of: reader.handle) == Array("target".utf8))
    #expect(try text("run/v1/b.txt") == (isOpen ? "SOurce" : "source"))
    if let writer {
      try fixture.write(Array("R".utf8), to: writer, at: 3)
      try fixture.close(writer)
      #expect(try text("run/v1/b.txt") == "SOuRce")
    }
    fixture.tree.release(reader.handle)
    // Into another version, and onto a name that begins with a dot and back.
    try fixture.makeFolder("run/v2")
    try fixture.rename("run/v1/b.txt", to: "run/v2/.c")
    try fixture.rename("run/v2/.c", to: "run/v2/c.txt")
    #expect(try fixture.names("run/v1").isEmpty)
    #expect(try text("run/v2/c.txt") == (isOpen ? "SOuRce" : "source"))
  }

  @Test func whatWasWrittenOutlivesItsWriterAndTheProcess() throws {
    try fixture.put(Array("old".utf8), at: "run/v1/changed.txt")
    let changed = try openBoth("run/v1/changed.txt")
    try fixture.write(Array("new".utf8), to: changed)
    let fresh = try fixture.openForWriting("run/v1/fresh.txt")
    try fixture.write(Array("fresh".utf8), to: fresh)
    let hidden = try fixture.openForWriting("run/v1/.hidden")
    try fixture.write(Array("dotted".utf8), to: hidden)
    let after = try fixture.reopened()
    for (name, bytes) in [("changed.txt", "new"), ("fresh.txt", "fresh"), (".hidden", "dotted")] {
      #expect(try after.tree.attributes(of: after.inode("run/v1/\(name)")).size == bytes.utf8.count, "\(name)")
      #expect(try after.contents("run/v1/\(name)") == Array(bytes.utf8), "\(name)")
    }
    // Whoever opened it last has left it a blob.
    let folder = try after.registry.records.folder(of: ModelName(validating: "run"), VersionName(validating: "v1"))
    #expect(folder?.file(at: "fresh.txt")?.blob != nil)
  }

  @Test func aCopySharesTheBlob() throws {
    let bytes = [UInt8](repeating: 7, count: 100_000)
    try fixture.put(bytes, at: "run/v1/a.bin.txt")
    let before = try storedFiles
    try fixture.copy("run/v1/a.bin.txt", to: "run/v1/b.bin.txt", piece: 30_000)
    #expect(try fixture.contents("run/v1/b.bin.txt") == bytes)
    #expect(try storedFiles == before)
    // A part of it is a file of its own.
    let source = try fixture.open("run/v1/a.bin.txt")
    let target = try fixture.openForWriting("run/v1/part.txt")
    #expect(try fixture.tree.copyRange(from: source.handle, offset: 0, to: target.handle, offset: 0, count: 10) == 10)
    try fixture.write([1, 2], to: target, at: 10)
    try fixture.close(target)
    fixture.tree.release(source.handle)
    #expect(try fixture.contents("run/v1/part.txt") == bytes[..<10] + [1, 2])
  }

  @Test func anInterruptedCloseLosesNothing() throws {
    let writer = try fixture.openForWriting("run/v1/a.txt")
    try fixture.write([UInt8](repeating: 1, count: 5000), to: writer)
    try fixture.tree.flush(writer.handle) { true }
    fixture.tree.release(writer.handle)
    #expect(try fixture.contents("run/v1/a.txt") == [UInt8](repeating: 1, count: 5000))
  }

  @Test func aRenameOntoAWeightsNamePublishesWhatIsThere() throws {
    let weights = try SmallWeights.example(bias: 5).safetensors()
    let writer = try fixture.openForWriting("run/v1/upload.part")
    try fixture.write(weights, to: writer)
    try fixture.rename("run/v1/upload.part", to: "run/v1/model.safetensors")
    #expect(try fixture.contents("run/v1/model.safetensors") == weights)
    // Weights never change, whoever still has the file open.
    #expect(fixture.failure { try fixture.write([0], to: writer) }?.errno == EPERM)
    try fixture.close(writer)
    #expect(try fixture.names("run/v1") == ["model.safetensors", "model.pt", "model.bin"])
  }

  @Test func filesOfAChosenVersionAreFrozen() throws {
    try fixture.put(Array("note".utf8), at: "mamba/v1.0/note.txt")
    // The version that became active by itself may change.
    try fixture.put(Array("other".utf8), at: "mamba/v1.0/note.txt")
    _ = try fixture.request("active", "mamba/v1.1")
    _ = try fixture.request("active", "mamba/v1.0")
    let changes: [(String, () throws -> Void)] = [
      ("written", { try fixture.put([1], at: "mamba/v1.0/note.txt") }),
      (
        "cut",
        {
          _ = try fixture.tree.setAttributes(
            of: try fixture.inode("mamba/v1.0/note.txt"), AttributeChange(size: 0), caller: fixture.caller
          ) { false }
        }
      ),
      ("removed", { try fixture.unlink("mamba/v1.0/note.txt") }),
      ("renamed", { try fixture.rename("mamba/v1.0/note.txt", to: "mamba/v1.0/else.txt") }),
      (
        "replaced",
        {
          try fixture.put([1], at: "mamba/v1.0/new.txt")
          try fixture.rename("mamba/v1.0/new.txt", to: "mamba/v1.0/note.txt")
        }
      ),
    ]
    for (what, change) in changes {
      let failure = fixture.failure(change)
      #expect(failure?.errno == EPERM, "\(what): \(failure?.description ?? "no error")")
      #expect(failure?.reason.contains("cp -r v1.0") == true, "\(what): \(failure?.reason ?? "")")
    }
    #expect(try text("mamba/v1.0/note.txt") == "other")
    _ = try fixture.request("config", "mamba frozen never")
    try fixture.put(Array("free".utf8), at: "mamba/v1.0/note.txt")
    #expect(try text("mamba/v1.0/note.txt") == "free")
  }
}
