import Testing
import WeightFormats

/// Of members with one name the last counts, whatever reads the text afterwards.
@Suite struct LastMembersTests {
  @Test(
    arguments: [
      (#"{"a": 1, "a": 2}"#, #"{"a": 2}"#),
      (#"{"a":1,"b":{"c":1,"c":[2,{"d":3,"d":4}]},"a":2,"a":3}"#, #"{"b":{"c":[2,{"d":4}]},"a":3}"#),
      (#"{"a": {"a": 1}, "b": 2}"#, #"{"a": {"a": 1}, "b": 2}"#), (#"{"\u0061":1,"a":2}"#, #"{"a":2}"#),
      (#"[{"a":1},{"a":2}]"#, #"[{"a":1},{"a":2}]"#),
      (#"{"a":NaN,"b":[-Infinity,Infinity],"a":-1.5}"#, #"{"b":[-Infinity,Infinity],"a":-1.5}"#),
      ("3", "3"), (" null ", "null"), ("{}", "{}"), ("[]", "[]"), (#"{"":1,"":2}"#, #"{"":2}"#),
      ("{\"e\u{301}\":1,\"\u{E9}\":2}", "{\"e\u{301}\":1,\"\u{E9}\":2}"),
    ])
  func earlierMembersGiveWayToSpaces(_ text: String, _ expected: String) throws {
    let bytes = Array(text.utf8)
    let kept = try JSONReader.keepingLastMembers(of: bytes)
    #expect(kept.count == bytes.count)
    #expect(
      kept.filter { $0 != 0x20 } == Array(expected.utf8).filter { $0 != 0x20 },
      "\(String(decoding: kept, as: UTF8.self))")
  }

  @Test(arguments: ["", "{", "{\"a\":1", "{\"a\":1,}", "[1,]", "{\"a\" 1}", "{a:1}", "1 2", "{\"a\":1}}", "[", "nul"])
  func whatIsNoJSONIsRefused(_ text: String) {
    #expect(throws: FormatError.self) { try JSONReader.keepingLastMembers(of: Array(text.utf8)) }
  }

  @Test func nestingIsBounded() {
    let deep = Array(repeating: UInt8(ascii: "["), count: 100_000)
    #expect(throws: FormatError.self) { try JSONReader.keepingLastMembers(of: deep) }
  }
}
