import StoreRecords
import Testing

/// `weight_config.json` is read by a scan where it is plain; what that makes of a text must be what a decoder makes of it.
@Suite struct WeightConfigTests {
  private static let plain = #""a" : {"active" : "v1", "lastSwitch" : 7}, "b" : {}, "c" : {"active" : "v2"}, "d" : {}"#

  /// nil for what is refused.
  private static func decoded(_ text: String) -> WeightConfig? {
    try? StoreCoding.decode(WeightConfig.self, from: Array(text.utf8), what: "a text")
  }

  private static func read(_ text: String) -> WeightConfig? { try? WeightConfig.read(Array(text.utf8)) }

  @Test(arguments: [
    plain,
    #"\#(plain)}, "policies" : {"keep" : null, "restorable" : "2d", "unknown" : [1]}, "x" : {"#,
    #"\#(plain)}, "policies" : {"keep" : 1}, "policies" : {"restorable" : "forever"}, "more" : {"#,
    #"\#(plain), "e" : {"active" : "v1", "policies" : {"keep" : 3}, "aliases" : {"stable" : "v1"}}"#,
    #"\#(plain), "e" : {"active" : "v1", "unknown" : [{"deep" : null}, -1.5e3]}"#,
    #""e" : {"policies" : {"keep" : 3}}"#,
    #""e" : {"active" : null, "lastSwitch" : null}"#,
    #""e" : {"lastSwitch" : -5}"#,
    #""e" : {"pending" : {"time" : 1, "actor" : {"uid" : 0, "pid" : 1}, "to" : "v1", "isRollback" : false}}"#,
    #""\u0065" : {"active" : "\u0076\u0031"}"#,
  ])
  func whatIsScannedIsWhatIsDecoded(models: String) throws {
    let text = #"{"format" : 2, "models" : {\#(models)}}"#
    let config = try #require(Self.decoded(text))
    #expect(Self.read(text) == config)
    #expect(!config.models.isEmpty)
  }

  @Test(arguments: [
    #"{"models" : {}}"#, #"{"format" : 2}"#, #"{"format" : 2, "models" : {"a" : {"active" : "../v1"}}}"#,
    #"{"format" : 2, "models" : {".a" : {}}}"#,
    #"{"format" : 2, "models" : {"a" : {"lastSwitch" : 9223372036854775808}}}"#,
    #"{"format" : 2, "models" : {"a" : {"active" : 1}}}"#, #"{"format" : 2, "models" : {} } x"#, "{", "", "[]",
    #"{"format" : 2, "models" : {"b" : {}, "c" : {}, "d" : {}, "a" : {"policies" : {"keep" : -1}}}}"#,
    #"{"format" : 2, "models" : {}, "policies" : {"restorable" : "soon"}}"#,
    #"{"format" : 2, "models" : {}, "policies" : {"restorable" : 7}}"#,
  ])
  func whatADecoderRefusesIsRefused(text: String) {
    #expect(Self.decoded(text) == nil)
    #expect(throws: StoreError.self) { try WeightConfig.read(Array(text.utf8)) }
  }

  @Test(arguments: [
    #"{"format" : 1, "models" : {"x" : {}}, "format" : 2, "models" : {\#(plain)}}"#,
    #"{"format" : 2, "models" : {"a" : {"active" : "v9"}, \#(plain)}}"#,
    #"{"format" : 2, "models" : {\#(plain), "d" : {"active" : "v8", "active" : "v3"}}}"#,
  ])
  func ofMembersWithOneNameTheLastCounts(text: String) throws {
    let config = try #require(Self.decoded(text))
    #expect(Self.read(text) == config)
    #expect(config.format == 2 && config.models.map(\.key.text).sorted() == ["a", "b", "c", "d"])
    #expect(config.models.first { $0.key.text == "a" }?.value.active?.text == "v1")
    let last = config.models.first { $0.key.text == "d" }?.value.active?.text
    #expect(last == (text.contains("v8") ? "v3" : nil))
  }

  @Test func nothingBeyondThatIsKeptOfAScan() throws {
    let text = #"{"format" : 2, "note" : "by hand", "models" : {\#(Self.plain)}}"#
    #expect(Self.read(text) == Self.decoded(text))
    #expect(Self.read(#"{"format" : 2, "models" : {"a" : {}, "a" : {"active" : "v1"}}}"#) != nil)
  }

  /// The lines of a text that are not blank.
  private static func lines(of bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
      .filter { !$0.allSatisfy(\.isWhitespace) }
  }

  @Test func whatIsWrittenIsWhatAnEncoderWrites() throws {
    var config = WeightConfig()
    let version = try VersionName(validating: "v1.0+x_y-z")
    for name in ["plain", "rich", "bare", "fresh"] { config.models[try ModelName(validating: name)] = .init() }
    config.models[try ModelName(validating: "plain")] = .init(active: version)
    config.models[try ModelName(validating: "plain")]?.lastSwitch = .min
    config.models[try ModelName(validating: "rich")] = .init(active: version, aliases: [version: version])
    config.models[try ModelName(validating: "rich")]?.lastSwitch = 5
    config.models[try ModelName(validating: "fresh")]?.lastSwitch = 5
    var policies = PolicySettings()
    for (key, value) in [(PolicyKey.keep, "none"), (.restorable, "36h"), (.validateBeforeActivate, "yes")] {
      try policies.set(key, to: value)
    }
    config.policies = policies
    config.models[try ModelName(validating: "rich")]?.policies = policies
    var text = WeightConfigText()
    for _ in 0..<2 {
      let bytes = try text.bytes(of: config)
      #expect(try WeightConfig.read(bytes) == config)
      #expect(try StoreCoding.decode(WeightConfig.self, from: bytes, what: "a text") == config)
      #expect(Self.lines(of: bytes) == Self.lines(of: try StoreCoding.encode(config, pretty: true)))
    }
  }
}
