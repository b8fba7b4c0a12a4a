import Foundation
import Synchronization
import TestSupport
import Testing
import WeightsFS

/// Every operation that may take long asks whether its caller still wants it, and changes nothing if not.
@Suite struct InterruptionTests {
  let fixture: TreeFixture
  private let bytes: [UInt8]

  init() throws {
    fixture = try TreeFixture()
    bytes = try SmallWeights.example(bias: 7).safetensors()
    try fixture.makeFolder("mamba/v2.0")
  }

  private func names() throws -> [String] { try fixture.names("mamba/v2.0").sorted() }

  @Test(arguments: ["model.safetensors", "model-00001-of-00002.safetensors", "pytorch_model.bin"])
  func closing(name: String) throws {
    let content = name.hasSuffix(".bin") ? try SmallWeights.example(bias: 7).torchZip() : bytes
    let file = try fixture.openForWriting("mamba/v2.0/\(name)")
    try fixture.write(content, to: file)
    #expect(fixture.failure { try fixture.tree.flush(file.handle) { true } }?.errno == EINTR)
    #expect(try names().isEmpty)
    // The next close tries again.
    try fixture.close(file)
    #expect(try fixture.contents("mamba/v2.0/\(name)") == content)
  }

  @Test func renaming() throws {
    try fixture.put(bytes, at: "mamba/v2.0/.tmp")
    let (parent, name) = try fixture.split("mamba/v2.0/.tmp")
    let failure = fixture.failure {
      try fixture.tree.rename(
        name, in: parent, to: "model.safetensors", in: parent, .replacing, caller: fixture.caller,
        isInterrupted: { true })
    }
    #expect(failure?.errno == EINTR)
    #expect(try names() == [".tmp"])
    try fixture.rename("mamba/v2.0/.tmp", to: "mamba/v2.0/model.safetensors")
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == bytes)
  }

  @Test func linking() throws {
    try fixture.put(bytes, at: "mamba/v2.0/.tmp")
    let inode = try fixture.inode("mamba/v2.0/.tmp")
    let parent = try fixture.inode("mamba/v2.0")
    for newName in ["model.safetensors", "notes.txt", ".other"] {
      let failure = fixture.failure {
        _ = try fixture.tree.makeHardLink(
          to: inode, named: newName, in: parent, caller: fixture.caller, isInterrupted: { true })
      }
      #expect(failure?.errno == EINTR, "\(newName)")
      #expect(try names() == [".tmp"])
    }
  }

  @Test func changingWhatIsThere() throws {
    let base = try fixture.contents("mamba/v1.0/config.json")
    let file = try fixture.openForWriting("mamba/v1.0/config.json", truncates: false)
    // Opened for reading and writing it is read where its bytes are; only the first write copies them.
    #expect(try fixture.contents(of: file.handle) == base)
    let failure = fixture.failure {
      _ = try [UInt8(1)].withUnsafeBytes {
        try fixture.tree.write(file.handle, offset: 0, bytes: $0, caller: fixture.caller) { true }
      }
    }
    #expect(failure?.errno == EINTR)
    #expect(try fixture.contents(of: file.handle) == base)
    try fixture.write(Array("[".utf8), to: file)
    try fixture.close(file)
    #expect(try fixture.contents("mamba/v1.0/config.json") == Array("[".utf8) + base.dropFirst())
  }

  @Test func cuttingAndForcingToDisk() throws {
    let file = try fixture.openForWriting("mamba/v1.0/config.json", truncates: false)
    let inode = try fixture.inode("mamba/v1.0/config.json")
    func cut(to size: Int, isInterrupted: Bool) throws {
      _ = try fixture.tree.setAttributes(
        of: inode, AttributeChange(size: size, handle: file.handle), caller: fixture.caller,
        isInterrupted: { isInterrupted })
    }
    #expect(fixture.failure { try cut(to: 2, isInterrupted: true) }?.errno == EINTR)
    // Nothing is copied that is cut off.
    try cut(to: 0, isInterrupted: true)
    #expect(try fixture.contents(of: file.handle).isEmpty)
    try fixture.write(bytes, to: file)
    #expect(fixture.failure { try fixture.tree.synchronize(file.handle) { true } }?.errno == EINTR)
    try fixture.tree.synchronize(file.handle) { false }
    try fixture.close(file)
    #expect(try fixture.contents("mamba/v1.0/config.json") == bytes)
  }

  @Test func forcingToDiskLooksUpBetweenStretches() throws {
    let looks = Mutex(0)
    let file = try fixture.openForWriting("mamba/v2.0/.tmp")
    try fixture.write([UInt8](repeating: 1, count: 40 << 20), to: file)
    let failure = fixture.failure {
      try fixture.tree.synchronize(file.handle) {
        looks.withLock { looks in
          looks += 1
          return looks > 3
        }
      }
    }
    #expect(failure?.errno == EINTR)
    #expect(looks.withLock { $0 } == 4)
    fixture.tree.release(file.handle)
  }
}
