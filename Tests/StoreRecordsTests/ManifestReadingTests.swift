import StoreRecords
import Testing

/// A manifest is read by a scan where it is plain; what that makes of a text must be what a decoder makes of it.
@Suite struct ManifestReadingTests {
  private static let digest = String(repeating: "a7", count: 32)
  private static let plain = #"""
    {"files" : [{"path" : "a/b.json", "blob" : "\#(digest)", "digest" : "\#(digest)", "byteCount" : 3, "modified" : 9}],
     "main" : {"packs" : ["\#(digest)"], "parameterCount" : 512, "table" : "\#(digest)", "tensorCount" : 1,
               "views" : {"pt" : 3547, "safetensors" : 2152}},
     "model" : "m", "provenance" : {"source" : "a \"b\".pt", "time" : 1795698156226863488, "uid" : 0}, "revision" : 1,
     "version" : "v1", "weights" : [{"blob" : "\#(digest)", "byteCount" : 2152, "extras" : ["x"], "isPlain" : true,
     "counts" : {"parameterCount" : 512, "tensorCount" : 1}, "format" : "safetensors", "modified" : 7,
     "packs" : [], "path" : "model.safetensors", "table" : "\#(digest)"}]}
    """#

  /// nil for what is refused.
  private static func decoded(_ text: String) -> Manifest? {
    try? StoreCoding.decode(Manifest.self, from: Array(text.utf8), what: "a text")
  }

  private static func read(_ text: String) -> Manifest? { try? Manifest.read(Array(text.utf8), what: "a text") }

  @Test func aPlainManifestIsReadAsItWasWritten() throws {
    let manifest = try #require(Self.decoded(Self.plain))
    #expect(Self.read(Self.plain) == manifest)
    #expect(manifest.weights.first?.counts != nil && manifest.files.count == 1)
    let written = try StoreCoding.encode(manifest, pretty: true)
    #expect(try Manifest.read(written, what: "a text") == manifest)
  }

  /// Each is a piece of the plain text and what stands in its place.
  @Test(arguments: [
    (#""revision" : 1"#, #""revision" : 1, "revision" : 4, "model" : "other""#),
    (#""revision" : 1"#, #""revision" : 1.0"#),
    (#""revision" : 1"#, #""revision" : -1"#), (#""revision" : 1"#, #""revision" : null"#), (#""revision" : 1,"#, ""),
    (#""revision" : 1"#, #""revision" : 9223372036854775808"#), (#""revision" : 1"#, #""revision" : 1, "new" : [{}]"#),
    (#""model" : "m""#, #""model" : "../m""#), (#""model" : "m""#, #""model" : "\u006d""#),
    (#""model" : "m""#, #""model" : "m", "hidden" : ["config.json"]"#),
    (#""model" : "m""#, #""model" : "m", "folders" : ["empty"]"#),
    (#""uid" : 0"#, #""uid" : 4294967296"#), (#""pt" : 3547"#, #""pt" : 3547, "pt" : 1"#),
    (#""pt" : 3547"#, #""pt" : "x""#),
    (#""parameterCount" : 512"#, #""parameterCount" : 512, "viewTimes" : {"pt" : 4}"#),
    (#""modified" : 9"#, #""modified" : 9, "mode" : "755""#), (#""modified" : 9"#, #""modified" : 9, "link" : "YQ==""#),
    (#""modified" : 9"#, #""modified" : 9, "upload" : "u""#), (#""byteCount" : 3,"#, ""),
    (#""isPlain" : true"#, #""isPlain" : 1"#), (#""isPlain" : true"#, #""isPlain" : tru"#),
    (#""packs" : []"#, #""packs" : ["x"]"#), (#""packs" : []"#, #""packs" : {}"#),
    (#""extras" : ["x"]"#, #""extras" : [1]"#),
    (#""table" : "\#(digest)"}]"#, #""table" : null}]"#), (#""table" : "\#(digest)"}]"#, #""path" : "model.pt"}]"#),
    (#""table" : "\#(digest)"}]"#, #""table" : "\#(digest)"}], "weights" : []"#), ("}]}", "}]} x"), ("}]}", "}],}"),
    ("}]}", "}]"),
  ])
  func whatIsScannedIsWhatIsDecoded(piece: String, other: String) {
    #expect(Self.plain.contains(piece))
    let text = Self.plain.split(separator: piece, maxSplits: 1, omittingEmptySubsequences: false).joined(
      separator: other)
    #expect(text != Self.plain)
    #expect(Self.read(text) == Self.decoded(text))
  }
}
