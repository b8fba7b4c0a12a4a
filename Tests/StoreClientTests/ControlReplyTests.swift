import StoreClient
import StoreRecords
import Testing
import WeightFormats
import WeightRegistry

/// What control files answer.
@Suite struct ControlReplyTests {
  /// One of each, so that a new code cannot be forgotten: the switch in `ControlError` is exhaustive, its table is not.
  private static let codes: [StoreError.Code] = [
    .unknownModel, .unknownVersion, .unknownView, .invalidName, .alreadyExists, .inUse, .notEmpty, .differentWeights,
    .locked, .readOnly, .noStore, .newerFormat, .olderFormat, .damaged, .interrupted, .system(errno: 28),
    .unacceptable(.forbidden), .unacceptable(.malformed), .unacceptable(.limit), .unacceptable(.unreadable),
  ]

  @Test func errorsArriveAsTheyWereThrown() throws {
    for code in Self.codes {
      let error = StoreError(code, "what was wrong, \"quoted\"\nand what to do")
      let bytes = try StoreCoding.encode(ControlReply.refused(error: ControlError(error)), pretty: false)
      let reply = try StoreCoding.decode(ControlReply.self, from: bytes, what: "a reply")
      guard case .refused(let found) = reply else {
        Issue.record("\(reply) is no error")
        continue
      }
      #expect(found.error == error)
    }
  }

  @Test func repliesArriveAsTheyWereMade() throws {
    let (model, version) = (ModelName(unchecked: "mamba"), VersionName(unchecked: "v1.1"))
    let report = ValidationReport(model: model, version: version, checks: [.init("blobs", .failed, ["damaged"])])
    let purged = #"{"purged":["mamba/v1.0"],"removedBlobs":2,"freedBytes":9,"compactedPacks":1,"isDryRun":false}"#
    let purge = try StoreCoding.decode(PurgeReport.self, from: Array(purged.utf8), what: "a report")
    for reply: ControlReply in [
      .switched(change: .init(model: model, from: nil, to: version)), .cleaned(model: model, removed: [version]),
      .pinned(model: model, version: version, backup: 3), .restored(model: model, version: version),
      .purged(report: purge),
      .configured(model: model, key: .keep, value: "5"), .validated(reports: [report]),
    ] {
      let bytes = try StoreCoding.encode(reply, pretty: false)
      #expect(try StoreCoding.decode(ControlReply.self, from: bytes, what: "a reply") == reply)
    }
    #expect(ControlReply.validated(reports: [report]).damaged == [report])
  }

  @Test(arguments: ["/srv/store", "/srv/a store\nof two lines", "/"])
  func aMountTellsWhoServesIt(store: String) {
    let version = ControlVersion(servingStoreAt: store)
    #expect(ControlVersion(version.text) == version)
    #expect(version.protocol == ControlVersion.currentProtocol)
  }

  @Test(arguments: ["", "models 1\nversions 2\n", "protocol x\n", "\n\n\n"])
  func whatIsNoVersionHasNoProtocol(text: String) {
    #expect(ControlVersion(text).protocol == nil)
  }
}
