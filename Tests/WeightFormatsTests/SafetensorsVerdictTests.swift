import Foundation
import TestSupport
import Testing
import WeightFormats

/// Our verdict on a file against that of the reference reader, `safetensors.safe_open`.
@Suite struct SafetensorsVerdictTests {
  @Test func handmadeHeadersGetTheReferenceReadersVerdict() throws {
    let files = Dictionary(uniqueKeysWithValues: Self.handmade.enumerated().map { ("\($0) \(Self.label($1))", $1) })
    #expect(files.count >= 60)
    let verdicts = try referenceVerdicts(files)
    var accepted = 0
    for (name, bytes) in files {
      let (ours, reference) = (verdict(bytes), try #require(verdicts[name]))
      #expect(
        (ours == nil) == (reference == nil), "\(name): ours \(ours ?? "accepted"), reference \(reference ?? "accepted")"
      )
      accepted += ours == nil ? 1 : 0
    }
    // Both verdicts occur often, so that agreement means something.
    #expect(accepted >= 20 && files.count - accepted >= 40)
  }

  @Test func everyFlippedBitOfTheHeaderGetsTheReferenceReadersVerdict() throws {
    var files: [String: [UInt8]] = [:]
    for (index, bytes) in Self.wellFormed.enumerated() {
      let dataByteCount = index == 0 ? 29 : 6
      for offset in 0..<bytes.count - dataByteCount {
        for bit in 0..<8 {
          var flipped = bytes
          flipped[offset] ^= 1 << UInt8(bit)
          files["\(index)-\(offset)-\(bit)"] = flipped
        }
      }
    }
    let verdicts = try referenceVerdicts(files)
    for (name, bytes) in files {
      let (ours, reference) = (verdict(bytes), try #require(verdicts[name]))
      #expect(
        (ours == nil) == (reference == nil), "\(name): ours \(ours ?? "accepted"), reference \(reference ?? "accepted")"
      )
    }
  }

  @Test func headersThatNoWriterProducesAreRefusedAlthoughTheReferenceTakesThem() throws {
    let headers = [
      #"{"a":["U8",[0],[0,0]]}"#, #"{"a":{"dtype":{"U8":null},"shape":[0],"data_offsets":[0,0]}}"#,
      #"{"a":{"dtype":"U8","shape":[0,18446744073709551615],"data_offsets":[0,0]}}"#,
      #"{"a":{"dtype":"U8","shape":[4611686018427387904,2,0],"data_offsets":[0,0]}}"#,
    ]
    let files = Dictionary(uniqueKeysWithValues: headers.enumerated().map { ("\($0)", safetensorsFile($1, data: [])) })
    let verdicts = try referenceVerdicts(files)
    for (name, bytes) in files {
      #expect(try #require(verdicts[name]) == nil, "\(Self.label(bytes))")
      #expect(verdict(bytes) != nil, "\(Self.label(bytes))")
    }
  }

  /// The reason for which we refuse the file; nil if we accept it.
  private func verdict(_ bytes: [UInt8]) -> String? {
    do throws(FormatError) {
      _ = try SafetensorsFormat().parse(BufferSource(bytes))
      return nil
    } catch {
      return error.message
    }
  }

  /// The reasons for which the reference reader refuses files, by name; nil for those that it accepts.
  private func referenceVerdicts(_ files: [String: [UInt8]]) throws -> [String: String?] {
    let folder = try TemporaryFolder()
    var numbers: [String: String] = [:]
    for (number, (name, bytes)) in files.enumerated() {
      try Data(bytes).write(to: URL(fileURLWithPath: folder(String(number))))
      numbers[String(number)] = name
    }
    let output = Data(try Python.oracle("open_safetensors.py", [folder.path]).utf8)
    let verdicts = try JSONDecoder().decode([String: String?].self, from: output)
    return Dictionary(
      uniqueKeysWithValues: verdicts.compactMap { number, verdict in numbers[number].map { ($0, verdict) } })
  }

  private static func label(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.dropFirst(8).prefix(80), as: UTF8.self)
  }

  /// Two files in which everything occurs that headers may hold.
  static let wellFormed: [[UInt8]] = [
    safetensorsFile(
      #"{"__metadata__":{"format":"pt","k":"\u00e9\n"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
        + "\"é\":{\"shape\":[],\"dtype\":\"I32\",\"data_offsets\":[24,28],\"x\":[1e2,{\"y\":null}]},"
        + #""z":{"dtype":"BOOL","shape":[1],"data_offsets":[28,29]}}  "#, data: [UInt8](repeating: 1, count: 29)),
    safetensorsFile(
      #"{"f4":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]},"f6":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[3,6]}}"#,
      data: [UInt8](repeating: 1, count: 6)),
  ]

  /// An entry of one tensor, `U8` and of the shape and offsets given, with further fields.
  private static func entry(_ shape: String, _ offsets: String, dtype: String = "U8", more: String = "") -> String {
    #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)\#(more)}"#
  }

  private static func file(_ header: String, _ dataByteCount: Int = 0, length: UInt64? = nil) -> [UInt8] {
    safetensorsFile(header, length: length, data: [UInt8](repeating: 0, count: dataByteCount))
  }

  private static func extra(_ value: String) -> [UInt8] {
    file(#"{"a":\#(entry("[1]", "[0,1]", more: #","x":\#(value)"#))}"#, 1)
  }

  private static let handmade: [[UInt8]] = wholeFiles + values + entries + metadata

  /// What stands around the header.
  private static let wholeFiles: [[UInt8]] = [
    [], [0], file("", 0), file("{}"), file("{}", 1), file(" {} "), file("\t\r\n{}\t\r\n"), file("{}\u{0}\u{0}"),
    file("\u{FEFF}{}"), file("\u{C}{}"), file("{"), file("}"), file("[]"), file("null"), file("{}{}"), file("{},"),
    file("{} x"), file("{}", length: 3), file("{}", length: 1), file("{}", length: 100_000_001),
    file("{}", length: .max),
    file("{}", length: .max - 7), safetensorsFile(bytes: Array("{\"".utf8) + [0xFF] + Array("\":1}".utf8), data: []),
    safetensorsFile(
      bytes: Array("{\"".utf8) + [0xED, 0xA0, 0x80] + Array("\":\(entry("[1]", "[0,1]"))}".utf8), data: [0]),
    safetensorsFile(
      bytes: Array("{\"".utf8) + [0xC0, 0x80] + Array("\":\(entry("[1]", "[0,1]"))}".utf8), data: [0]),
  ]

  /// Values under a key that readers ignore, which still have to be JSON.
  private static let values: [[UInt8]] = [
    "1", "-1", "0", "-0", "01", "-01", "1.5", "1.", ".5", "1e5", "1E+5", "1e-5", "1e", "1e+", "+1", "--1", "-", "1e400",
    "-1e400",
    "1e-400", "0e999", "0.0e999", "123456789012345678901234567890", "NaN", "Infinity", "true", "false", "null", "tru",
    "nulll",
    "True", "\"\"", "\"x", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\uD800\"", "\"\\uDC00\"", "\"\\uD800\\uDC00\"",
    "\"\\uD800\\uD800\"", "\"\\uD800x\"", "\"\\uD800\\n\"", "\"\u{7F}\"", "\"\u{1F}\"", "\"\t\"", "\"\u{2028}\"", "'x'",
    "[]", "[ ]",
    "[1,]", "[,1]", "[1 2]", "[1,2", "[1}", "{]", "{}", "{ }", "{\"a\":1}", "{\"a\":1,}", "{\"a\"}", "{\"a\":}",
    "{a:1}", "{1:1}",
    "{\"a\":1,\"a\":2}", "{\"a\" : [ { } , [ ] , \"\" ] }", "/**/1", "", "[[1],{\"b\":[2,{\"c\":3}]},4]", "1,\"y\":2",
    "1,\"x\":2",
    String(repeating: "[", count: 125) + String(repeating: "]", count: 125),
    String(repeating: "[", count: 126) + String(repeating: "]", count: 126),
    String(repeating: "{\"a\":", count: 125) + "1" + String(repeating: "}", count: 125),
    String(repeating: "{\"a\":", count: 126) + "1" + String(repeating: "}", count: 126),
  ].map(extra)

  /// Entries of tensors.
  private static let entries: [[UInt8]] = [
    file(#"{"a":\#(entry("[2]", "[0,2]"))}"#, 2), file(#"{"a":\#(entry("[2]", "[0,2]"))}"#, 1),
    file(#"{"a":\#(entry("[2]", "[0,2]"))}"#, 3), file(#"{"a":\#(entry("[2]", "[0,2]")),}"#, 2),
    file(#"{"a":\#(entry("[2]", "[1,3]"))}"#, 3), file(#"{"a":\#(entry("[2]", "[2,0]"))}"#, 2),
    file(#"{"a":\#(entry("[2]", "[0,1]"))}"#, 1), file(#"{"a":\#(entry("[]", "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("[0]", "[0,0]"))}"#), file(#"{"a":\#(entry("[0]", "[1,1]"))}"#, 1),
    file(#"{"a":\#(entry("[-1]", "[0,1]"))}"#, 1), file(#"{"a":\#(entry("[1.0]", "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("[1e0]", "[0,1]"))}"#, 1), file(#"{"a":\#(entry("[-0]", "[0,0]"))}"#),
    file(#"{"a":\#(entry("[01]", "[0,1]"))}"#, 1), file(#"{"a":\#(entry(#"["1"]"#, "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("1", "[0,1]"))}"#, 1), file(#"{"a":\#(entry("null", "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("[[1]]", "[0,1]"))}"#, 1), file(#"{"a":\#(entry("[true]", "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("[4294967296,4294967296]", "[0,0]"))}"#),
    file(#"{"a":\#(entry("[4294967296,4294967296,0]", "[0,0]"))}"#),
    file(#"{"a":\#(entry("[0,4294967296,4294967296]", "[0,0]"))}"#),
    file(#"{"a":\#(entry("[2305843009213693952]", "[0,0]", dtype: "F64"))}"#),
    file(#"{"a":\#(entry("[18446744073709551616]", "[0,0]"))}"#),
    file(#"{"a":\#(entry("[1]", "[0,18446744073709551615]"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[18446744073709551615,0]"))}"#, 1), file(#"{"a":\#(entry("[1]", "[0]"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1,1]"))}"#, 1), file(#"{"a":\#(entry("[1]", "[]"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[-1,0]"))}"#, 1), file(#"{"a":\#(entry("[1]", "[0,1.0]"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", dtype: "u8"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", dtype: "U9"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", dtype: ""))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", dtype: "\\u0055\\u0038"))}"#, 1),
    file(#"{"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}"#, 1),
    file(#"{"a":{"shape":[1],"data_offsets":[0,1]}}"#, 1),
    file(#"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#, 1), file(#"{"a":{"dtype":"U8","shape":[1]}}"#, 1),
    file(#"{"a":{}}"#),
    file(#"{"a":null}"#), file(#"{"a":1}"#), file(#"{"a":"x"}"#), file(#"{"a":[]}"#),
    file(#"{"a":\#(entry("[1]", "[0,1]", more: #","dtype":"U8""#))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", more: #","shape":[1]"#))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", more: #","data_offsets":[0,1]"#))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", more: #","d\u0074ype":"U8""#))}"#, 1),
    file(#"{"a":{ "data_offsets" : [ 0 , 1 ] , "shape" : [ 1 ] , "dtype" : "U8" } }"#, 1),
    file(#"{"":\#(entry("[1]", "[0,1]"))}"#, 1), file(#"{"\u0000":\#(entry("[1]", "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]")),"b":\#(entry("[1]", "[1,2]"))}"#, 2),
    file(#"{"b":\#(entry("[1]", "[1,2]")),"a":\#(entry("[1]", "[0,1]"))}"#, 2),
    file(#"{"a":\#(entry("[1]", "[0,1]")),"b":\#(entry("[1]", "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("[2]", "[0,2]")),"b":\#(entry("[2]", "[1,3]"))}"#, 3),
    file(#"{"a":\#(entry("[1]", "[0,1]")),"b":\#(entry("[1]", "[2,3]"))}"#, 3),
    file(#"{"a":\#(entry("[1]", "[0,1]")) "b":\#(entry("[1]", "[1,2]"))}"#, 2),
    file(#"{"a":\#(entry("[1]", "[0,1]")),"z":\#(entry("[0]", "[1,1]")),"y":\#(entry("[0]", "[0,0]"))}"#, 1),
    file(#"{"z":\#(entry("[0]", "[1,1]")),"a":\#(entry("[2]", "[0,2]"))}"#, 2),
    file(#"{"a":\#(entry("[1]", "[0,1]")),"b":\#(entry("[1]", "[1,5]", dtype: "F32"))}"#, 5),
    file(#"{"a":\#(entry("[1]", "[0,1]")),"a":\#(entry("[2]", "[0,2]"))}"#, 2),
    file(#"{"a":\#(entry("[2]", "[0,2]")),"a":\#(entry("[1]", "[0,1]"))}"#, 2),
    file(#"{"a":\#(entry("[9]", "[7,3]")),"a":\#(entry("[1]", "[0,1]"))}"#, 1),
    file(#"{"a":1,"a":\#(entry("[1]", "[0,1]"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]")),"\u0061":\#(entry("[2]", "[0,2]"))}"#, 2),
    file(#"{"a":\#(entry("[1]", "[0,1]", dtype: "F4"))}"#, 1),
    file(#"{"a":\#(entry("[2]", "[0,1]", dtype: "F4"))}"#, 1),
    file(#"{"a":\#(entry("[]", "[0,1]", dtype: "F4"))}"#, 1),
    file(#"{"a":\#(entry("[2,3]", "[0,3]", dtype: "F4"))}"#, 3),
    file(#"{"a":\#(entry("[3]", "[0,3]", dtype: "F6_E2M3"))}"#, 3),
    file(#"{"a":\#(entry("[4]", "[0,3]", dtype: "F6_E3M2"))}"#, 3),
    file(#"{"a":\#(entry("[0]", "[0,0]", dtype: "F6_E3M2"))}"#),
    file(#"{"a":\#(entry("[1]", "[0,16]", dtype: "C128"))}"#, 16),
    file(#"{"a":\#(entry("[1]", "[0,8]", dtype: "C64"))}"#, 8),
    file(#"{"a":\#(entry("[1]", "[0,1]", dtype: "F8_E8M0"))}"#, 1),
    file(#"{"a":\#(entry("[1]", "[0,1]", dtype: "F8_E4M3FNUZ"))}"#, 1),
    file(#"{"a":\#(entry("[2]", "[0,1]", dtype: "BOOL"))}"#, 1),
    file(#"{"a" \#(entry("[1]", "[0,1]"))}"#, 1), file(#"{a:\#(entry("[1]", "[0,1]"))}"#, 1),
    file("{\"a\nb\":\(entry("[1]", "[0,1]"))}", 1),
  ]

  /// The entry that is not a tensor.
  private static let metadata: [[UInt8]] = [
    file(#"{"__metadata__":{}}"#), file(#"{"__metadata__":null}"#), file(#"{"__metadata__":nul}"#),
    file(#"{"__metadata__":[]}"#),
    file(#"{"__metadata__":"x"}"#), file(#"{"__metadata__":{"a":"b"}}"#), file(#"{"__metadata__":{"a":1}}"#),
    file(#"{"__metadata__":{"a":null}}"#), file(#"{"__metadata__":{"a":{}}}"#),
    file(#"{"__metadata__":{"a":"b","a":"c"}}"#),
    file(#"{"__metadata__":{"a":"b",}}"#), file(#"{"__metadata__":{"a":"b"},"__metadata__":{"a":"b"}}"#),
    file(#"{"__metadata__":null,"__metadata__":null}"#), file(#"{"__metadata__":{},"\u005f_metadata__":{}}"#),
    file(#"{"\u005f_metadata__":{"a":"b"}}"#), file(#"{"a":\#(entry("[1]", "[0,1]")),"__metadata__":{"a":"b"}}"#, 1),
    file(#"{"__metadata__":\#(entry("[1]", "[0,1]"))}"#, 1), file(#"{"__metadata__":{"\uD800":"b"}}"#),
    file(#"{"__metadata__ ":{"a":"b"}}"#), file(#"{"__metadata__":{"a":"\u0000"}}"#),
  ]
}
