import PosixIO
import SystemPackage
import TestSupport
import Testing

@Suite struct OpenedFileTests {
  @Test(arguments: [0, 1, 1 << 20, (1 << 20) + 7])
  func copyIsByteForByte(byteCount: Int) throws {
    let scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    try folder.replace("source", with: bytes, staging: folder)
    let target = try folder.makeFile("target", exclusively: true)
    var last = 0
    try folder.file("source").copy(to: target) { done in last = done }
    #expect(try target.contents(limit: byteCount) == bytes)
    #expect(last == byteCount)
  }

  @Test func copyAcrossFileSystemsIsByteForByte() throws {
    let scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    let target = try folder.makeFile("target", exclusively: true)
    let shared = "/dev/shm/tantra-copy-\(UInt64.random(in: 0 ... .max))"
    _ = try Command.run("sh", ["-c", "head -c 3000000 /dev/urandom > \(shared)"])
    let source = try OpenedFile.open(shared)
    try source.copy(to: target) { _ in }
    #expect(try Command.run("cmp", [shared, scratch("target")]).status == 0)
    _ = try Command.run("rm", [shared])
  }

  @Test func copyStopsWhenProgressThrows() throws {
    let scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    try folder.replace("source", with: [1, 2, 3], staging: folder)
    let target = try folder.makeFile("target", exclusively: true)
    let error = #expect(throws: PosixError.self) {
      try folder.file("source").copy(to: target) { (_: Int) throws(PosixError) in
        throw PosixError(.interrupted, call: "copy", path: "")
      }
    }
    #expect(error?.errno == .interrupted)
  }
}
