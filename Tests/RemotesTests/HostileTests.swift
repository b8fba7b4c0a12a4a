import BlobStore
import Foundation
import Remotes
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// What a remote may serve that is wrong: it is refused with a reason, and the store presents what it did before.
@Suite struct HostileTests {
  let fixture: RemoteFixture
  let layout: TamperedLayout
  let target: WeightRegistry
  let before: [String]

  init() throws {
    fixture = try RemoteFixture()
    let source = try fixture.open()
    try fixture.importVersion("v1.0", files: ["config.json": "{}", "b.txt": "b"], into: source)
    try fixture.push("v1.0", from: source)
    layout = TamperedLayout(fixture: fixture, tag: "v1.0")
    target = try fixture.open("target")
    before = try fixture.snapshot(of: "target")
  }

  /// Pulls, which has to be refused.
  private func refused(_ comment: Comment? = nil, location: SourceLocation = #_sourceLocation) throws -> StoreError {
    let error = try #require(
      throws: StoreError.self, comment, sourceLocation: location, performing: { try fixture.pull("v1.0", into: target) }
    )
    #expect(target.records.models.isEmpty, comment, sourceLocation: location)
    return error
  }

  typealias Object = TamperedLayout.Object

  @Test func manifestsOfOthersAreNamed() throws {
    try layout.changeManifest { manifest in
      manifest["annotations"] = nil
      manifest["artifactType"] = "application/vnd.docker.ai.model"
    }
    let other = try refused()
    #expect(other.code == .unacceptable(.unsupported) && other.message.contains("application/vnd.docker.ai.model"))
    try layout.point(
      to: Array(#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#.utf8))
    #expect(try refused().message.contains("application/vnd.oci.image.index.v1+json"))
    for text in ["", "{", "[]", "null", #"{"schemaVersion":"two"}"#, String(repeating: "[", count: 100_000)] {
      try layout.point(to: Array(text.utf8))
      #expect(try refused().code == .damaged, "\(text.prefix(20))")
    }
  }

  @Test func newerOnesAskForAnUpdate() throws {
    try layout.changeManifest { $0["annotations"] = ["dev.tantra.format": "2"] }
    #expect(try refused().code == .newerFormat)
  }

  @Test func aManifestOfMoreThanFourMebibytesIsNotRead() throws {
    try layout.changeManifest { $0["padding"] = String(repeating: "x", count: 4 << 20) }
    #expect(try refused().message.contains("4194304 bytes"))
  }

  @Test func aManifestOfNearlyFourMebibytesIsRead() throws {
    try layout.changeManifest { $0["padding"] = String(repeating: "x", count: (4 << 20) - 8000) }
    #expect(try fixture.pull("v1.0", into: target).isNew)
  }

  @Test(arguments: ["../../etc/passwd", "/etc/passwd", "a/../b", "a//b", ".", "a\0b"])
  func pathsThatClimbAreRefused(path: String) throws {
    try layout.changeLayers { layers in
      var notes = layers[0]["annotations"] as? Object ?? [:]
      notes["org.cncf.model.filepath"] = path
      layers[0]["annotations"] = notes
    }
    #expect(try refused().code == .damaged)
    // A record may say the same.
    try layout.changeLayers { layers in
      var notes = layers[0]["annotations"] as? Object ?? [:]
      notes["org.cncf.model.filepath"] = "model.safetensors"
      layers[0]["annotations"] = notes
    }
    try layout.changeRecord { record in
      var files = record["files"] as? [Object] ?? []
      files[0]["path"] = path
      record["files"] = files
    }
    #expect(try refused().code == .damaged)
  }

  @Test func layersThatContradictEachOtherAreRefused() throws {
    try layout.changeLayers { layers in
      let pack = try #require(layers.first { TamperedLayout.role(of: $0) == "pack" })
      let blob = try #require((pack["annotations"] as? Object)?["dev.tantra.blob"] as? String)
      layers.append(TamperedLayout.layer("pack", blob: blob, try layout.put([1, 2, 3]), path: "other.safetensors"))
    }
    #expect(try refused().message.contains("as another layer"))
  }

  @Test func theSameLayerTwiceIsNoHarm() throws {
    try layout.changeLayers { $0 += $0.filter { TamperedLayout.role(of: $0) == "pack" } }
    #expect(try fixture.pull("v1.0", into: target).isNew)
  }

  @Test(arguments: ["pack", "table", "sidecar", "manifest"])
  func whatIsLackingIsNamed(role: String) throws {
    try layout.changeLayers { $0.removeAll { TamperedLayout.role(of: $0) == role } }
    #expect(try refused().code == .damaged)
  }

  @Test(arguments: [-1, Int.max, 1 << 62])
  func sizesThatCannotBeAreRefused(size: Int) throws {
    try layout.changeLayers { layers in
      for index in layers.indices where TamperedLayout.role(of: layers[index]) == "pack" {
        layers[index]["size"] = size
      }
    }
    #expect([.damaged, .system(errno: ENOSPC)].contains(try refused().code))
  }

  @Test func bytesThatAreNotThoseOfTheDigestAreRefused() throws {
    for (index, path) in try fixture.scratch.files(below: "layout/blobs/sha256").enumerated() {
      let bytes = try fixture.scratch.read(path)
      // Nobody reads the config, which is for others.
      if bytes.isEmpty || String(decoding: bytes, as: UTF8.self).hasPrefix(#"{"config":{"format""#) { continue }
      // What is here already is not fetched: each goes into a store of its own.
      let target = try fixture.open("target-\(index)")
      for damaged in [bytes.dropLast() + [bytes[bytes.count - 1] ^ 1], bytes.dropLast()] {
        try fixture.scratch.write(path, Array(damaged))
        #expect { try fixture.pull("v1.0", into: target) } throws: { ($0 as? StoreError)?.code == .damaged }
        #expect(target.records.models.isEmpty, "\(path)")
      }
      try fixture.scratch.write(path, bytes)
      #expect(try fixture.pull("v1.0", into: target).isNew)
    }
  }

  @Test func aBlobThatIsAnotherThanTheManifestSaysIsRefused() throws {
    let other = try layout.put(Array("something else".utf8))
    for role in ["pack", "table", "sidecar"] {
      try layout.changeLayers { layers in
        let index = try #require(layers.firstIndex { TamperedLayout.role(of: $0) == role })
        let kept = (layers[index]["digest"], layers[index]["size"])
        (layers[index]["digest"], layers[index]["size"]) = (other.digest, other.size)
        _ = kept
      }
      #expect(try refused("\(role)").code == .damaged)
    }
  }

  @Test func recordsThatAreNotThoseOfTheVersionAreRefused() throws {
    for (name, change) in [
      ("model", { (record: inout Object) in record["model"] = "other" }),
      (
        "packs",
        { record in
          var main = record["main"] as? Object ?? [:]
          main["packs"] = [String]()
          record["main"] = main
        }
      ),
      (
        "twice",
        { record in
          let files = record["files"] as? [Object] ?? []
          record["files"] = files + files
        }
      ),
      (
        "views",
        { record in
          var main = record["main"] as? Object ?? [:]
          main["views"] = ["pt": 7]
          record["main"] = main
        }
      ),
      ("nothing", { record in (record["weights"], record["main"]) = ([Object](), nil) }),
      (
        "folder",
        { record in
          var files = record["files"] as? [Object] ?? []
          files[0]["path"] = "model.safetensors.d"
          files[1]["path"] = "model.safetensors.d/x"
          record["files"] = files
        }
      ),
    ] as [(String, (inout Object) -> Void)] {
      let kept = try fixture.scratch.read("layout/index.json")
      try layout.changeRecord(change)
      #expect(try refused("\(name)").code == .damaged, "\(name)")
      try fixture.scratch.write("layout/index.json", kept)
    }
  }

  @Test(arguments: ["/etc/passwd", "../../other/v1/model.pt", "sub/../../x"])
  func linksThatLeadOutAreRefused(link: String) throws {
    try layout.changeRecord { record in
      record["files"] = [["path": "link", "link": link, "byteCount": link.utf8.count, "modified": 0] as Object]
    }
    #expect(try refused().message.contains("leads out"))
  }

  /// A record can say that a file with a table is weights. Its bytes are parsed even so.
  @Test func aPickleThatRunsCodeIsNoWeightFileWhateverItsRecordSays() throws {
    let evil = TestArchive(pickle: Array("cos\nsystem\n(S'true'\ntR.".utf8)).bytes
    let segments = SegmentTable(whole: evil)
    let table = Table(
      stateDict: StateDict(independent: []), packs: [.init(blob: segments.blob, segments: segments)], storages: [],
      partialDigests: [:])
    var text: [UInt8] = []
    try table.write { (piece) throws(BlobStoreError) in text += piece }
    let (tableID, blob) = (SegmentTable(whole: text).blob.hexadecimal, segments.blob.hexadecimal)
    let contents = (table: try layout.put(text), pack: try layout.put(evil))
    try layout.changeLayers { layers in
      layers.append(TamperedLayout.layer("pack", blob: blob, contents.pack, path: "model.pt"))
      layers.append(TamperedLayout.layer("table", blob: tableID, contents.table, path: ".tantra/tables/x.json"))
    }
    try layout.changeRecord { record in
      record["weights"] = [
        [
          "path": "model.pt", "format": "torch-zip", "blob": blob, "byteCount": evil.count, "modified": 0,
          "table": tableID, "packs": [blob], "isPlain": true, "extras": [String](),
        ] as Object
      ]
      record["main"] =
        ["table": tableID, "packs": [blob], "tensorCount": 0, "parameterCount": 0, "views": ["pt": evil.count]]
        as Object
    }
    let error = try refused()
    #expect(error.code == .damaged && error.message.contains("model.pt"), "\(error)")
  }
}
