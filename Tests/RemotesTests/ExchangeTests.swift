import Foundation
import PosixIO
import Remotes
import StoreRecords
import Synchronization
import Tensors
import TestSupport
import Testing
import WeightRegistry

/// Versions go to a layout and come back.
@Suite struct ExchangeTests {
  let fixture: RemoteFixture
  let source: WeightRegistry

  init() throws {
    fixture = try RemoteFixture()
    source = try fixture.open()
  }

  @Test(arguments: ["safetensors", "pt"])
  func aVersionTravelsWithAllItsFiles(view: String) throws {
    let files = ["config.json": "{\"a\":1}\n", "README.md": "# tiny\n", "sub/vocab.txt": "", "sub/other.txt": "x"]
    try fixture.importVersion("v1.0", as: view, files: files, into: source)
    let sent = try fixture.push("v1.0", from: source)
    #expect(sent.sentByteCount == sent.byteCount && sent.leftOut.isEmpty && sent.isPortable)
    let target = try fixture.open("target")
    let report = try fixture.pull("v1.0", into: target)
    #expect(report.isNew && report.isActive && report.digest == sent.digest)
    for name in ["safetensors", "pt", "bin"] {
      #expect(
        try fixture.bytes(of: name, "v1.0", in: target) == fixture.bytes(of: name, "v1.0", in: source), "\(name)")
    }
    let version = try fixture.version("v1.0")
    let (here, there) = (
      try target.records.manifest(of: fixture.model, version), try source.records.manifest(of: fixture.model, version)
    )
    #expect(here.isOfSameContent(as: there))
    #expect(try target.validation.validate(fixture.model, version).isValid)
  }

  @Test func whatIsThereIsNotSentAgain() throws {
    try fixture.importVersion("v1.0", RemoteFixture.weights(count: 300_000), into: source)
    try fixture.importVersion("v1.1", RemoteFixture.weights(count: 300_000, bias: 2), into: source)
    #expect(try fixture.push("v1.0", from: source).sentByteCount > 1_200_000)
    let again = try fixture.push("v1.0", from: source)
    #expect(again.sentByteCount == 0)
    // Of a version with another bias its bias, tables and records.
    let other = try fixture.push("v1.1", from: source)
    #expect(other.sentByteCount < 30_000 && other.byteCount > 1_200_000 && !other.isPortable)
    let target = try fixture.open("target")
    try fixture.pull("v1.0", into: target)
    #expect(try fixture.pull("v1.1", into: target).fetchedByteCount < 30_000)
    #expect(
      try fixture.bytes(of: "safetensors", "v1.1", in: target) == fixture.bytes(of: "safetensors", "v1.1", in: source))
  }

  @Test func aPortablePushHasEveryFileAsAWhole() throws {
    try fixture.importVersion("v1.0", into: source)
    let file = try fixture.importVersion("v1.1", RemoteFixture.weights(bias: 2), into: source).weights[0]
    #expect(file.isStitched)
    #expect(try fixture.push("v1.1", from: source, portable: true).isPortable)
    let bytes = try fixture.bytes(of: "safetensors", "v1.1", in: source)
    #expect(try fixture.scratch.read(fixture.path(of: Digest(of: bytes))) == bytes)
    try fixture.pull("v1.1", into: try fixture.open("target"))
  }

  @Test func aPulledVersionIsPushedUnderTheSameDigest() throws {
    try fixture.importVersion("v1.0", into: source)
    let first = try fixture.push("v1.0", from: source)
    let target = try fixture.open("target")
    try fixture.pull("v1.0", into: target)
    let second = try fixture.push("v1.0", from: target)
    #expect(second.digest == first.digest && second.sentByteCount == 0)
  }

  @Test func aVersionThatIsHereIsNotFetchedAgain() throws {
    try fixture.importVersion("v1.0", into: source)
    try fixture.push("v1.0", from: source)
    let target = try fixture.open("target")
    try fixture.pull("v1.0", into: target)
    let again = try fixture.pull("v1.0", into: target)
    #expect(!again.isNew && again.fetchedByteCount < 3000)
    #expect(try !fixture.pull("v1.0", into: source).isNew)
    // Under another name it is another version of the same bytes.
    let other = try fixture.pull("v1.0", into: target, as: "v9", activating: true)
    #expect(other.isNew && other.isActive && other.fetchedByteCount < 3000)
  }

  @Test func anotherVersionOfTheNameStays() throws {
    try fixture.importVersion("v1.0", into: source)
    try fixture.push("v1.0", from: source)
    let target = try fixture.open("target")
    try fixture.importVersion("v1.0", RemoteFixture.weights(seed: 3), into: target)
    let before = try fixture.snapshot(of: "target")
    #expect { try fixture.pull("v1.0", into: target) } throws: { ($0 as? StoreError)?.code == .differentWeights }
    #expect(try fixture.snapshot(of: "target") == before)
    try fixture.importVersion("v2", files: ["config.json": "{\"other\":1}"], into: target)
    #expect { try fixture.pull("v1.0", into: target, as: "v2") } throws: { error in
      (error as? StoreError)?.message.contains("other files beside the same weights") == true
    }
  }

  @Test func aPullThatWasCutOffGoesOn() throws {
    try fixture.importVersion("v1.0", RemoteFixture.weights(count: 10 << 20), into: source)
    let sent = try fixture.push("v1.0", from: source)
    do {
      let target = try fixture.open("target")
      #expect {
        try fixture.pull("v1.0", into: target) { phase, done, _ in phase != .fetching || done < 12 << 20 }
      } throws: { ($0 as? StoreError)?.code == .interrupted }
      #expect(try fixture.snapshot(of: "target").allSatisfy { !$0.contains("/models/") })
    }
    // Another process, after a start that sweeps.
    let target = try fixture.open("target")
    let report = try fixture.pull("v1.0", into: target)
    #expect(report.fetchedByteCount < sent.byteCount - (8 << 20), "\(report.fetchedByteCount) of \(sent.byteCount)")
    #expect(
      try fixture.bytes(of: "safetensors", "v1.0", in: target) == fixture.bytes(of: "safetensors", "v1.0", in: source))
    let left = try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("target/.staging/pulls"))
    #expect(left == ["lock"])
  }

  @Test func aDamagedBlobHereIsFetchedAgain() throws {
    try fixture.importVersion("v1.0", into: source)
    try fixture.push("v1.0", from: source)
    let target = try fixture.open("target")
    let manifest = try fixture.importVersion("v7", into: target)
    let id = manifest.weights[0].blob.hexadecimal
    let path = "target/weights/sha256/\(id.prefix(2))/\(id.dropFirst(2))"
    var bytes = try fixture.scratch.read(path)
    bytes[bytes.count - 1] ^= 1
    try FileManager.default.removeItem(atPath: fixture.scratch(path))
    try fixture.scratch.write(path, bytes)
    #expect(try fixture.pull("v1.0", into: target).fetchedByteCount > bytes.count)
    #expect(try target.validation.validate(fixture.model, try fixture.version("v7")).isValid)
  }

  @Test func damageIsNotPushed() throws {
    let manifest = try fixture.importVersion("v1.0", into: source)
    let id = manifest.weights[0].blob.hexadecimal
    let path = "source/weights/sha256/\(id.prefix(2))/\(id.dropFirst(2))"
    var bytes = try fixture.scratch.read(path)
    bytes[bytes.count - 1] ^= 1
    try FileManager.default.removeItem(atPath: fixture.scratch(path))
    try fixture.scratch.write(path, bytes)
    #expect { try fixture.push("v1.0", from: source) } throws: { error in
      (error as? StoreError)?.code == .damaged && "\(error)".contains("model.safetensors")
    }
    #expect(try fixture.reference(nil).open(creating: true).tags(unless: .never) == [])
  }

  @Test func checkpointsStayCheckpointsAndFilesThatRunCodeStayBehind() throws {
    try fixture.importVersion("step-10", files: ["evil.pkl": "cos\nsystem\n(S'true'\ntR."], into: source)
    let sent = try fixture.push("step-10", from: source)
    #expect(sent.leftOut.map(\.path) == ["evil.pkl"])
    let target = try fixture.open("target")
    #expect(try !fixture.pull("step-10", into: target).isActive)
    let version = try fixture.version("step-10")
    #expect(target.records.isCheckpoint(fixture.model, version))
    #expect(try target.records.manifest(of: fixture.model, version).files.isEmpty)
  }

  @Test func listsTellWhatIsUnderTags() throws {
    try fixture.importVersion("v1.10", into: source)
    try fixture.importVersion("v1.9", RemoteFixture.weights(seed: 1), into: source)
    let digest = try fixture.push("v1.10", from: source).digest
    try fixture.push("v1.9", from: source)
    let listings = try fixture.reference(nil).open().listings(unless: .never)
    #expect(listings.map(\.tag) == ["v1.9", "v1.10"] && listings[1].digest == digest)
    #expect(listings.allSatisfy { $0.model == "tiny" && $0.version == $0.tag && $0.problem == nil })
  }
}
