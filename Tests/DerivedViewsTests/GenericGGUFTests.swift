import DerivedViews
import Foundation
import StoreRecords
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

@Suite struct GenericGGUFTests {
  /// State dicts that are compared; `TANTRA_TEST_STATE_DICTS` asks for more.
  private static let count = Int(ProcessInfo.processInfo.environment["TANTRA_TEST_STATE_DICTS"] ?? "") ?? 200
  private static let seed = ProcessInfo.processInfo.environment["TANTRA_TEST_SEED"] ?? "7"

  /// State dicts with odd names, shapes, dtypes and values: NaN, inf, zeros, subnormals, -0.0.
  @Test func filesEqualWhatTheGgufPackageWritesAndSoDoRangesOfThem() throws {
    let fixture = try DerivedFixture()
    let written = Int(
      try Python.oracle("gguf_files.py", [fixture.scratch("odd"), "\(Self.count)", Self.seed]).dropLast())
    var (found, random) = (0, SystemRandomNumberGenerator())
    for number in 0..<Self.count {
      let path = fixture.scratch("odd/\(number)")
      // The name is in the file, and is the same for all.
      let store = try DerivedFixture()
      let folder = try store.importFolder(path, as: "odd_model")
      let listing = try #require(try store.derived.listing(of: folder))
      for type in DerivedCatalogue.ggufTypes {
        let name = "model-\(type).gguf"
        guard FileManager.default.fileExists(atPath: "\(path)/\(name)") else {
          #expect(listing.file(name) == nil && listing.missing.contains { $0.path == name }, "\(number) \(name)")
          continue
        }
        found += 1
        let expected = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
        let view = try store.derived.open(name, of: folder)
        #expect(listing.file(name)?.byteCount == expected.count, "\(number) \(name)")
        let bytes = try view.bytes(at: 0, count: view.byteCount, what: name)
        #expect(bytes == expected, "\(number) \(name) from \(zip(bytes, expected).prefix { $0 == $1 }.count)")
        guard bytes == expected else { continue }
        for _ in 0..<16 {
          let start = Int.random(in: 0..<expected.count, using: &random)
          let end = min(expected.count, start + Int.random(in: 1...5000, using: &random))
          #expect(try view.bytes(at: start, count: end - start, what: name) == Array(expected[start..<end]))
        }
      }
    }
    #expect(found == written && found * 2 > Self.count * 3)
  }

  @Test func whatGgufCannotSayIsNotOfferedAndTheReasonIsTold() throws {
    let fixture = try DerivedFixture()
    let weights = fixture.scratch("w.safetensors")
    let header = #"{"x":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]}}"#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
    try Data(length + Array(header.utf8) + [1, 2, 3, 4]).write(to: URL(fileURLWithPath: weights))
    let folder = try fixture.importFile(weights, as: "packed", texts: [:])
    let listing = try #require(try fixture.derived.listing(of: folder))
    #expect(listing.files.isEmpty && !listing.missing.isEmpty)
    #expect(listing.missing.first?.reason.contains("GGUF has no type for") == true, "\(listing.missing)")
  }

  @Test func aBrokenTokenizerIsAReasonAndNoFile() throws {
    let fixture = try DerivedFixture()
    let weights = try fixture.scratch.write("w.safetensors", try SmallWeights.example().safetensors())
    for (index, (name, text)) in [
      ("tokenizer.json", "{\"model\": "), ("tokenizer.json", "\u{0}"), ("tokenizer_config.json", "[1, 2"),
      ("tokenizer.json", String(repeating: "{\"a\":", count: 500)), ("tokenizer.json", "\"\\ud800\""),
    ].enumerated() {
      let folder = try fixture.importFile(weights, as: "t\(index)", texts: [name: text])
      let listing = try #require(try fixture.derived.listing(of: folder))
      #expect(listing.files.isEmpty && listing.missing.first?.reason.contains(name) == true, "\(listing.missing)")
      #expect(throws: StoreError.self) { try fixture.derived.open("model-F32.gguf", of: folder) }
    }
  }

  @Test func whoReadsTheFilesIsTold() throws {
    let fixture = try DerivedFixture()
    let weights = try fixture.scratch.write("w.safetensors", try SmallWeights.example().safetensors())
    for (model, texts, architecture) in [
      ("a", [:], "tantra"), ("b", ["config.json": #"{"model_type": "gpt2"}"#], "gpt2"),
    ] as [(String, [String: String], String)] {
      let listing = try #require(
        try fixture.derived.listing(of: try fixture.importFile(weights, as: model, texts: texts)))
      #expect(listing.gguf?.use == .tensors && listing.gguf?.architecture == architecture, "\(listing)")
      #expect(listing.gguf?.text.contains("llama.cpp does not run them") == true)
    }
  }

  @Test func aBrokenConfigurationIsAReasonAndNoFile() throws {
    let fixture = try DerivedFixture()
    let weights = try fixture.scratch.write("w.safetensors", try SmallWeights.example().safetensors())
    let cases = [
      ("{\"model_type\": ", "config.json is no JSON"), ("\u{0}", "config.json is no JSON"),
      (String(repeating: "[", count: 500), "nests deeper"), (#"{"model_type": "mamba"}"#, "does not say hidden_size"),
      (#"{"model_type":"mamba","hidden_size":-4,"num_hidden_layers":1,"vocab_size":1}"#, "hidden_size is no whole"),
      (#"{"model_type":"mamba","hidden_size":4,"num_hidden_layers":1,"vocab_size":1}"#, "there is no tensor"),
      (#"{"model_type":"mamba","hidden_size":4,"intermediate_size":9,"num_hidden_layers":1,"vocab_size":1}"#, "twice"),
    ]
    for (index, (text, reason)) in cases.enumerated() {
      let folder = try fixture.importFile(weights, as: "m\(index)", texts: ["config.json": text])
      let listing = try #require(try fixture.derived.listing(of: folder))
      #expect(listing.files.isEmpty && listing.missing.first?.reason.contains(reason) == true, "\(listing.missing)")
      let error = #expect(throws: StoreError.self) { try fixture.derived.open("model-F32.gguf", of: folder) }
      #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
    }
  }
}
