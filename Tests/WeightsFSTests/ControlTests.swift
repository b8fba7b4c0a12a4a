import Glibc
import StoreClient
import StoreRecords
import TestSupport
import Testing
import WeightsFS

@Suite struct ControlTests {
  let fixture: TreeFixture

  init() throws { fixture = try TreeFixture() }

  private func text(_ path: String) throws -> String { String(decoding: try fixture.contents(path), as: UTF8.self) }

  @Test func activeSwitchesAndReportsTheChange() throws {
    #expect(try fixture.request("active", "mamba/v1.1\n") == "mamba: v1.0 -> v1.1\n")
    #expect(try fixture.tree.readLink(try fixture.inode("mamba/active")) == "v1.1")
    #expect(try text(".control/active") == "mamba/v1.1\n")
    #expect(try text(".control/log").contains("active: mamba v1.0 -> v1.1"))
  }

  @Test func previousTakesTheLastSwitchBack() throws {
    _ = try fixture.request("active", "mamba/v1.1")
    #expect(try fixture.request("active", "mamba previous") == "mamba: v1.1 -> v1.0\n")
    let error = #expect(throws: FileSystemError.self) { try fixture.request("active", "mamba previous") }
    #expect(error?.errno == ENOENT)
  }

  @Test(arguments: [
    ("mamba/v9", ENOENT), ("nope/v1.0", ENOENT), ("mamba", EINVAL), ("all", EINVAL), ("a/b/c", EINVAL),
    ("../x", EINVAL), ("mamba/active", EINVAL), ("\u{FFFD}", EINVAL),
  ])
  func badRequestsGetTheirErrnoAndChangeNothing(request: String, errno: CInt) throws {
    let error = #expect(throws: FileSystemError.self) { try fixture.request("active", request) }
    #expect(error?.errno == errno)
    #expect(error?.reason.isEmpty == false)
    #expect(try fixture.tree.readLink(try fixture.inode("mamba/active")) == "v1.0")
  }

  @Test(arguments: [
    ("backup", "mamba", EINVAL), ("backup", "mamba/v9", ENOENT), ("restore", "mamba/v1.0", EEXIST),
    ("restore", "mamba/v9", ENOENT), ("cleanup", "mamba", EINVAL), ("cleanup", "mamba x", EINVAL),
    ("cleanup", "mamba -1", EINVAL), ("cleanup", "nope 1", ENOENT), ("purge", "nope", ENOENT),
    ("purge", "all -1", EINVAL),
    ("purge", "all 99999999999999", EINVAL), ("purge", "all 1 1", EINVAL),
  ])
  func retentionRequestsThatCannotBeMetChangeNothing(control: String, request: String, errno: CInt) throws {
    let error = #expect(throws: FileSystemError.self) { try fixture.request(control, request) }
    #expect(error?.errno == errno, "\(String(describing: error))")
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1"])
  }

  @Test func retentionReportsSayWhenForWhomAndWhat() throws {
    #expect(try fixture.request("cleanup", "mamba 1").hasSuffix("uid 0 mamba 1\nremoved mamba/v1.1\n"))
    #expect(try text(".control/cleanup").hasSuffix("removed mamba/v1.1\n"))
    #expect(try fixture.names("mamba") == ["active", "v1.0"])
    #expect(try fixture.request("restore", "mamba/v1.1").hasSuffix("mamba/v1.1: restored\n"))
    #expect(try fixture.request("backup", "mamba/v1.1").hasSuffix("pinned as backup 1\n"))
    #expect(try fixture.request("purge", "all 60").contains("purged nothing"))
  }

  @Test func aRequestThatIsNotTextIsRefused() throws {
    let file = try fixture.open(".control/active", writes: true)
    for bytes: [UInt8] in [[0xFF, 0xFE], Array(repeating: UInt8(ascii: "a"), count: 4097)] {
      let error = #expect(throws: FileSystemError.self) {
        try bytes.withUnsafeBytes { bytes in
          try fixture.tree.write(file.handle, offset: 0, bytes: bytes, caller: fixture.caller) { false }
        }
      }
      #expect(error?.errno == EINVAL)
    }
    fixture.tree.release(file.handle)
  }

  @Test func anEmptyRequestDoesNothing() throws {
    #expect(try fixture.request("active", " \n") == "mamba/v1.0\n")
  }

  @Test func validateReportsThroughItsOwnHandleAndKeepsTheLastReport() throws {
    let report = try fixture.request("validate", "mamba/v1.0\n")
    #expect(report.contains("uid 0 mamba/v1.0\n"))
    #expect(report.contains("mamba/v1.0: valid"))
    #expect(try text(".control/validate") == report)
    #expect(try fixture.request("validate", "all").contains("mamba/v1.1: valid"))
    #expect(try text(".control/versions/mamba/v1.0/SHA256SUMS").contains("model.pt"))
  }

  @Test func validateFailsWithEBADMSGOnDamage() throws {
    let blobs = try fixture.scratch.files(below: "store/weights")
    let pack = try #require(
      try blobs.first { try fixture.scratch.read($0) == SmallWeights.example(bias: 1).safetensors() })
    _ = try Command.run(
      "sh",
      [
        "-c",
        "chmod u+w '\(fixture.scratch(pack))'; printf X | dd of='\(fixture.scratch(pack))' bs=1 seek=400 conv=notrunc",
      ])
    let error = #expect(throws: FileSystemError.self) { try fixture.request("validate", "mamba") }
    #expect(error?.errno == EBADMSG)
    // The damaged tensor is stored once, and both versions need it.
    #expect(error?.reason.contains("mamba/v1.0") == true)
    #expect(error?.reason.contains("mamba/v1.1") == true)
    #expect(try text(".control/validate").contains("INVALID"))
  }

  @Test(arguments: [("validate", "all"), ("cleanup", "mamba 1"), ("purge", "all")])
  func workStopsWithEINTR(control: String, request: String) throws {
    let file = try fixture.open(".control/\(control)", writes: true)
    let error = #expect(throws: FileSystemError.self) {
      try Array(request.utf8).withUnsafeBytes { bytes in
        try fixture.tree.write(file.handle, offset: 0, bytes: bytes, caller: fixture.caller) { true }
      }
    }
    #expect(error?.errno == EINTR)
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1"])
    fixture.tree.release(file.handle)
  }

  /// What a program reads of its request, whatever comes of it.
  private func reply(to request: ControlRequest, in file: String? = nil) throws -> ControlReply {
    let file = try fixture.open(".control/\(file ?? request.control.rawValue)", writes: true)
    defer { fixture.tree.release(file.handle) }
    do {
      _ = try StoreCoding.encode(request, pretty: false).withUnsafeBytes { bytes in
        try fixture.tree.write(file.handle, offset: 0, bytes: bytes, caller: fixture.caller) { false }
      }
    } catch is FileSystemError {
      // The reply says the same, and more.
    }
    return try StoreCoding.decode(ControlReply.self, from: try fixture.contents(of: file.handle), what: "the reply")
  }

  @Test func programsGetRecordsAndErrorsAsTheyWereThrown() throws {
    let (model, version) = (ModelName(unchecked: "mamba"), VersionName(unchecked: "v1.1"))
    let first = VersionName(unchecked: "v1.0")
    let switched = try reply(to: .setActive(model: model, version: version))
    #expect(switched == .switched(change: .init(model: model, from: first, to: version)))
    #expect(try reply(to: .backup(model: model, version: first)) == .pinned(model: model, version: first, backup: 1))
    // People who look at the file read what programs did.
    #expect(try text(".control/backup").hasSuffix("uid 0 mamba/v1.0\nmamba/v1.0: pinned as backup 1\n"))
    guard case .refused(let error) = try reply(to: .setActive(model: model, version: VersionName(unchecked: "v9")))
    else {
      Issue.record("a version that there is not became active")
      return
    }
    #expect(error.error.code == .unknownVersion && error.message.contains("v9"))
    guard case .refused(let wrong) = try reply(to: .rollback(model: model), in: "purge") else {
      Issue.record("a request was carried out by the wrong file")
      return
    }
    #expect(wrong.error.code == .invalidName)
  }

  @Test func aReportOfRecordsIsJSON() throws {
    let report = try fixture.request("purge", "all 0 json")
    #expect(report.contains("uid 0 all 0\n{") && report.contains("\"removedBlobs\""), "\(report)")
    #expect(try fixture.request("validate", "mamba/v1.0 json").contains("\"checks\""))
  }

  @Test func whoServesTheMountIsToldWithoutLooking() throws {
    #expect(ControlVersion(try text(".control/version")) == ControlVersion(servingStoreAt: fixture.scratch("store")))
  }

  @Test func truncationIsForControlFilesOnly() throws {
    _ = try fixture.tree.setAttributes(
      of: try fixture.inode(".control/active"), AttributeChange(size: 0), caller: fixture.caller,
      isInterrupted: { false })
    for path in ["mamba/v1.0/model.pt", ".control/log", "mamba"] {
      #expect(throws: FileSystemError.self, "\(path)") {
        try fixture.tree.setAttributes(
          of: try fixture.inode(path), AttributeChange(size: 0), caller: fixture.caller, isInterrupted: { false })
      }
    }
  }

  @Test func metricsCountOpensAndBytes() throws {
    let size = try fixture.contents("mamba/v1.0/model.pt").count
    _ = try fixture.contents("mamba/v1.0/model.pt")
    let labels = #"{model="mamba",version="v1.0",format="pt"}"#
    let metrics = try text(".control/metrics")
    #expect(metrics.contains("tantra_opens_total\(labels) 2\n"))
    #expect(metrics.contains("tantra_read_bytes_total\(labels) \(2 * size)\n"))
  }

  @Test func statusCountsWhatIsStoredAndPresented() throws {
    let status = try text(".control/status")
    #expect(status.contains("models 1\nversions 2\nfiles 8\n"))
    let stored = try Command.run(
      "sh", ["-c", "find '\(fixture.scratch("store/weights"))' -type f -printf '%s\\n' | awk '{s+=$1} END {print s}'"])
    #expect(status.contains("stored_bytes \(stored.outputText)"), "\(status) \(stored)")
  }

  @Test func recordsShowTheManifest() throws {
    #expect(try text(".control/versions/mamba/v1.0/manifest.json").contains("\"parameterCount\" : 47"))
    #expect(try text(".control/weight_config.json").contains("\"active\" : \"v1.0\""))
  }
}
