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

  private func open(
    _ cache: String = "cache", timeout: Duration = .milliseconds(300), limit: Int? = nil
  ) throws -> RemoteMount {
    var options = RemoteMount.Options(cachePath: fixture.scratch(cache))
    options.timeout = timeout
    options.cacheByteLimit = limit
    let mount = try RemoteMount(
      try fixture.reference("v1"), options, mountpoint: "/nowhere",
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    mount.start()
    return mount
  }

  private func bytes(of view: String, in mount: RemoteMount) throws -> [UInt8] {
    try fixture.bytes(of: view, "v1", in: mount.registry)
  }

  private func figure(_ name: String, of mount: RemoteMount) -> Int {
    mount.status.split(separator: "\n").first { $0.hasPrefix(name + " ") }
      .flatMap { Int($0.split(separator: " ")[1]) } ?? -1
  }

  /// Lets nobody find the layout.
  private func hide(_ isHidden: Bool) throws {
    let paths = (fixture.layout, fixture.scratch("away"))
    try FileManager.default.moveItem(atPath: isHidden ? paths.0 : paths.1, toPath: isHidden ? paths.1 : paths.0)
  }

  /// The file of the cache that has most.
  private func cacheFile() throws -> String {
    let files = try fixture.scratch.files(below: "cache/.staging/remote/sha256")
    return try #require(try files.max { try fixture.scratch.read($0).count < fixture.scratch.read($1).count })
  }

  @Test func whatIsReadIsThatOfTheSource() throws {
    let mount = try open()
    defer { mount.stop() }
    #expect(mount.registry.records.activeVersion(of: fixture.model)?.text == "v1")
    #expect(figure("remote_fetched_bytes", of: mount) == 0)
    #expect(try bytes(of: "safetensors", in: mount) == weights.safetensors())
    let source = try fixture.open("source", .reading)
    #expect(try bytes(of: "pt", in: mount) == fixture.bytes(of: "pt", "v1", in: source))
    #expect(figure("remote_fetched_bytes", of: mount) == (try weights.safetensors().count))
    #expect(try mount.registry.validation.validate(fixture.model, fixture.version("v1")).isValid)
  }

  @Test func withoutTheRemoteOnlyWhatIsCachedIsRead() throws {
    let mount = try open()
    let view = try mount.registry.views.open("safetensors", of: fixture.model, fixture.version("v1"))
    let first = try view.bytes(at: 0, count: 1 << 20, what: "weights")
    try hide(true)
    let error = #expect(throws: FormatError.self) { try view.bytes(at: view.byteCount - 9, count: 9, what: "weights") }
    #expect(error?.message.contains("of tiny/v1 cannot be fetched") == true, "\(String(describing: error))")
    #expect(figure("remote_up", of: mount) == 0)
    mount.stop()
    // The next mount does not find it, either.
    try releasing(mount) {
      let again = try open()
      defer { again.stop() }
      let view = try again.registry.views.open("safetensors", of: fixture.model, fixture.version("v1"))
      #expect(try view.bytes(at: 0, count: 1 << 20, what: "weights") == first)
      #expect(throws: FormatError.self) { try view.bytes(at: view.byteCount - 9, count: 9, what: "weights") }
      try hide(false)
      #expect(try bytes(of: "safetensors", in: again) == weights.safetensors())
    }
  }

  /// Runs `body` when a mount that was stopped has given its cache back.
  private func releasing(_ mount: consuming RemoteMount, _ body: () throws -> Void) throws {
    _ = consume mount
    for attempt in 1... {
      do { return try body() } catch let error as StoreError where error.code == .locked && attempt < 100 {
        usleep(20_000)
      }
    }
  }

  @Test func aCacheBelongsToOneRemoteAndOneMount() throws {
    let mount = try open()
    defer { mount.stop() }
    let error = #expect(throws: StoreError.self) { _ = try open() }
    #expect(error?.code == .locked)
    let missing = #expect(throws: StoreError.self) {
      _ = try RemoteMount(
        try RemoteReference(validating: "oci:\(fixture.scratch("none")):v1"),
        .init(cachePath: fixture.scratch("other")), mountpoint: "/nowhere", logger: mount.registry.logger)
    }
    #expect(missing?.code == .noStore && !FileManager.default.fileExists(atPath: fixture.scratch("other")))
  }

  @Test func aRemoteWithOtherBytesIsFoundOut() throws {
    let mount = try open()
    defer { mount.stop() }
    let blobs = try fixture.scratch.files(below: "layout/blobs/sha256")
    let pack = try #require(try blobs.max { try fixture.scratch.read($0).count < fixture.scratch.read($1).count })
    var bytes = try fixture.scratch.read(pack)
    bytes[3_000_000] ^= 1
    try fixture.scratch.write(pack, bytes)
    let view = try mount.registry.views.open("safetensors", of: fixture.model, fixture.version("v1"))
    #expect(try view.bytes(at: 0, count: 1 << 20, what: "weights") == Array(weights.safetensors().prefix(1 << 20)))
    let error = #expect(throws: FormatError.self) { try view.bytes(at: 2_999_999, count: 9, what: "weights") }
    #expect(error?.message.contains("came damaged 3 times") == true, "\(String(describing: error))")
  }

  @Test func whatTheCacheHasWrongIsFetchedAgain() throws {
    let first = try open()
    #expect(try bytes(of: "safetensors", in: first) == weights.safetensors())
    first.stop()
    let path = try cacheFile()
    var bytes = try fixture.scratch.read(path)
    bytes[2_100_000] ^= 0x80
    let damaged = bytes
    try releasing(first) {
      try fixture.scratch.write(path, damaged)
      let mount = try open()
      defer { mount.stop() }
      #expect(try self.bytes(of: "safetensors", in: mount) == weights.safetensors())
      #expect(figure("remote_damaged_chunks", of: mount) == 1)
      #expect(figure("remote_fetched_bytes", of: mount) == 1 << 20)
    }
  }

  @Test func withoutRoomReadsGoOn() throws {
    let mount = try open(limit: 1 << 20)
    defer { mount.stop() }
    for _ in 1...2 { #expect(try bytes(of: "safetensors", in: mount) == weights.safetensors()) }
    #expect(figure("remote_cached_bytes", of: mount) <= 1 << 20)
  }
}
