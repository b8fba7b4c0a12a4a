import StoreClient
import StoreRecords
import Testing

/// What people and programs write to control files.
@Suite struct ControlRequestTests {
  private static let model = ModelName(unchecked: "mamba")
  private static let version = VersionName(unchecked: "v1.1")

  /// Each kind of request, and what people write for it.
  private static let lines: [(ControlRequest.Control, String, ControlRequest)] = [
    (.active, "mamba/v1.1", .setActive(model: model, version: version)),
    (.active, "mamba previous", .rollback(model: model)),
    (.backup, "mamba/v1.1", .backup(model: model, version: version)),
    (.cleanup, "mamba 3", .cleanup(model: model, keep: 3)),
    (.cleanup, "mamba", .cleanup(model: model, keep: nil)),
    (.config, "mamba keep 5", .setPolicy(model: model, key: .keep, value: "5")),
    (.config, "mamba keep", .setPolicy(model: model, key: .keep, value: nil)),
    (.config, "all keep 5", .setPolicy(model: nil, key: .keep, value: "5")),
    (.purge, "all", .purge(model: nil, version: nil, olderThan: 0)),
    (.purge, "mamba/v1.1 60", .purge(model: model, version: version, olderThan: 60)),
    (.remove, "mamba/v1.1", .remove(model: model, version: version)),
    (.remove, "mamba", .remove(model: model, version: nil)),
    (.tag, "mamba/v1.1 stable", .tag(model: model, version: version, name: VersionName(unchecked: "stable"))),
    (.restore, "mamba/v1.1", .restore(model: model, version: version)),
    (.compress, "mamba/v1.1", .compress(model: model, version: version)),
    (.compress, "all", .compress(model: nil, version: nil)),
    (.compress, "mamba/v1.1 v1.0", .compress(model: model, version: version, base: "v1.0")),
    (.thaw, "mamba", .thaw(model: model, version: nil)),
    (.validate, "mamba", .validate(model: model, version: nil)),
    (.validate, "all", .validate(model: nil, version: nil)),
  ]

  @Test func linesOfPeopleAreReadAndWrittenAlike() throws {
    for (control, text, request) in Self.lines {
      #expect(try ControlRequest(written: text, to: control) == request)
      #expect(request.text == text)
      #expect(request.control == control)
    }
  }

  @Test func requestsOfProgramsAreReadAsTheyWereWritten() throws {
    for (control, _, request) in Self.lines {
      let text = String(decoding: try StoreCoding.encode(request, pretty: false), as: UTF8.self)
      #expect(try ControlRequest(written: text, to: control) == request, "\(text)")
    }
  }

  /// To people `all` is everything; a program that means a model of that name gets it.
  @Test func aModelThatIsCalledAllIsNotEverything() throws {
    let request = ControlRequest.purge(model: ModelName(unchecked: "all"), version: nil, olderThan: 0)
    let text = String(decoding: try StoreCoding.encode(request, pretty: false), as: UTF8.self)
    #expect(try ControlRequest(written: text, to: .purge) == request)
  }

  @Test(arguments: [
    ("{", ControlRequest.Control.active), ("{}", .active), (#"{"setActive":{"model":"a/b","version":"v1"}}"#, .active),
    (#"{"restore":{"model":"a","version":"v1"}}"#, .active), (#"{"rollback":{}}"#, .active),
    ("", .cleanup), ("mamba x", .cleanup), ("mamba 1 2", .cleanup), ("mamba", .config), ("mamba nope 1", .config),
    ("mamba 99999999999999999999", .purge), ("mamba/v1/x", .validate), ("all", .restore), ("all", .remove),
    ("mamba stable", .tag), ("mamba/v1", .tag), ("/v1", .backup),
  ])
  func whatIsNoRequestIsRefused(text: String, control: ControlRequest.Control) {
    let error = #expect(throws: StoreError.self) { try ControlRequest(written: text, to: control) }
    #expect(error?.code == .invalidName, "\(String(describing: error))")
  }

  @Test(arguments: [-1, .min, .max, Int64.max / 1_000_000_000 + 1])
  func agesThatNoClockCanTellAreRefused(seconds: Int64) {
    let error = #expect(throws: StoreError.self) { try ControlRequest.nanoseconds(seconds) }
    #expect(error?.code == .invalidName)
  }
}
