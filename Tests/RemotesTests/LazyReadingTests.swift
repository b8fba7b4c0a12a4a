import BlobStore
import Foundation
import Logging
import PosixIO
import Remotes
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// Versions of an OCI image layout that are read without a pull, and without a mount.
@Suite struct LazyReadingTests {
  let fixture: RemoteFixture
  /// What the views of v1 hold: a few MiB.
  let weights = RemoteFixture.weights(count: 1_500_000)

  init() throws {
    fixture = try RemoteFixture()
    let source = try fixture.open()
    try fixture.importVersion("v1", weights, into: source)
    try fixture.push("v1", from: source)
  }

  /// Runs `body` with v1 as a mount has it, once the last one has given the cache back.
  private func withMount(limit: Int? = nil, _ body: (RemoteMount) throws -> Void) throws {
    for attempt in 1... {
      do { return try withNewMount(limit: limit, body) } catch let error as StoreError
        where error.code == .locked && attempt < 100
      { usleep(20_000) }
    }
  }

  private func withNewMount(limit: Int?, _ body: (RemoteMount) throws -> Void) throws {
    var options = RemoteMount.Options(cachePath: fixture.scratch("cache"))
    options.timeout = .milliseconds(300)
    options.cacheByteLimit = limit
    let mount = try RemoteMount(
      try fixture.reference("v1"), options, mountpoint: "/nowhere",
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    mount.start()
    defer { mount.stop() }
    try body(mount)
  }

  private func bytes(of view: String, in mount: RemoteMount) throws -> [UInt8] {
    try fixture.bytes(of: view, "v1", in: mount.registry)
  }

  private func figure(_ name: String, of mount: RemoteMount) -> Int {
    mount.status.split(separator: "\n").first { $0.hasPrefix(name + " ") }
      .flatMap { Int($0.split(separator: " ")[1]) } ?? -1
  }

  /// The largest blob of the layout, with the weights.
  private func pack() throws -> String {
    let blobs = try fixture.scratch.files(below: "layout/blobs/sha256")
    return try #require(try blobs.max { try fixture.scratch.read($0).count < fixture.scratch.read($1).count })
  }

  /// Lets the layout have no weights for a while.
  private func withoutWeights(_ body: () throws -> Void) throws {
    let (path, away) = (fixture.scratch(try pack()), fixture.scratch("away"))
    try FileManager.default.moveItem(atPath: path, toPath: away)
    defer { #expect(throws: Never.self) { try FileManager.default.moveItem(atPath: away, toPath: path) } }
    try body()
  }

  /// The file of the cache that has most.
  private func cacheFile() throws -> String {
    let files = try fixture.scratch.files(below: "cache/.staging/remote/sha256")
    return try #require(try files.max { try fixture.scratch.read($0).count < fixture.scratch.read($1).count })
  }

  @Test func whatIsReadIsThatOfTheSource() throws {
    try withMount { mount in
      #expect(mount.registry.records.activeVersion(of: fixture.model)?.text == "v1")
      #expect(figure("remote_fetched_bytes", of: mount) == 0)
      #expect(try bytes(of: "safetensors", in: mount) == weights.safetensors())
      let source = try fixture.open("source", .reading)
      #expect(try bytes(of: "pt", in: mount) == fixture.bytes(of: "pt", "v1", in: source))
      #expect(try figure("remote_fetched_bytes", of: mount) == weights.safetensors().count)
      #expect(try mount.registry.validation.validate(fixture.model, fixture.version("v1")).isValid)
    }
  }

  @Test func withoutTheRemoteOnlyWhatIsCachedIsRead() throws {
    var first: [UInt8] = []
    func readTheEnd(_ mount: RemoteMount) throws {
      let view = try view(in: mount)
      let error = #expect(throws: FormatError.self) {
        try view.bytes(at: view.byteCount - 9, count: 9, what: "weights")
      }
      #expect(error?.message.contains("of tiny/v1 cannot be fetched") == true, "\(String(describing: error))")
      #expect(figure("remote_up", of: mount) == 0)
    }
    try withMount { mount in
      first = try view(in: mount).bytes(at: 0, count: 1 << 20, what: "weights")
      try withoutWeights { try readTheEnd(mount) }
    }
    // The next mount does not find it, either.
    try withMount { mount in
      try withoutWeights {
        #expect(try view(in: mount).bytes(at: 0, count: 1 << 20, what: "weights") == first)
        try readTheEnd(mount)
      }
      #expect(try bytes(of: "safetensors", in: mount) == weights.safetensors())
    }
  }

  private func view(in mount: RemoteMount) throws -> VersionView {
    try mount.registry.views.open("safetensors", of: fixture.model, fixture.version("v1"))
  }

  @Test func aCacheBelongsToOneRemoteAndOneMount() throws {
    try withMount { mount in
      let error = #expect(throws: StoreError.self) { try withNewMount(limit: nil) { _ in } }
      #expect(error?.code == .locked)
      let missing = #expect(throws: StoreError.self) {
        _ = try RemoteMount(
          try RemoteReference(validating: "oci:\(fixture.scratch("none")):v1"),
          .init(cachePath: fixture.scratch("other")), mountpoint: "/nowhere", logger: mount.registry.logger)
      }
      #expect(missing?.code == .noStore && !FileManager.default.fileExists(atPath: fixture.scratch("other")))
    }
  }

  @Test func aRemoteWithOtherBytesIsFoundOut() throws {
    try withMount { mount in
      let pack = try pack()
      var bytes = try fixture.scratch.read(pack)
      bytes[3_000_000] ^= 1
      try fixture.scratch.write(pack, bytes)
      let view = try view(in: mount)
      #expect(try view.bytes(at: 0, count: 1 << 20, what: "weights") == Array(weights.safetensors().prefix(1 << 20)))
      let error = #expect(throws: FormatError.self) { try view.bytes(at: 2_999_999, count: 9, what: "weights") }
      #expect(error?.message.contains("came damaged 3 times") == true, "\(String(describing: error))")
    }
  }

  @Test func whatTheCacheHasWrongIsFetchedAgain() throws {
    try withMount { (mount) throws in #expect(try self.bytes(of: "safetensors", in: mount) == weights.safetensors()) }
    let path = try cacheFile()
    var bytes = try fixture.scratch.read(path)
    bytes[2_100_000] ^= 0x80
    try fixture.scratch.write(path, bytes)
    try withMount { (mount) throws in
      #expect(try self.bytes(of: "safetensors", in: mount) == weights.safetensors())
      #expect(figure("remote_damaged_chunks", of: mount) == 1)
      #expect(figure("remote_fetched_bytes", of: mount) == 1 << 20)
    }
  }

  @Test func withoutRoomReadsGoOn() throws {
    try withMount(limit: 1 << 20) { (mount) throws in
      for _ in 1...2 { #expect(try bytes(of: "safetensors", in: mount) == weights.safetensors()) }
      #expect(figure("remote_cached_bytes", of: mount) <= 1 << 20)
    }
  }
}
