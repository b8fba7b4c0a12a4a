import Foundation
import TantraRuntime
import TestSupport
import Testing

@Suite struct BytePairTokenizerTests {
  private struct Example: Decodable {
    var text: String
    var tokens: [Int32]
  }

  @Test func tokensAreThoseOfTheTokenizersPackage() throws {
    let folder = try TemporaryFolder()
    let output = try Python.oracle("bpe_tokenizer.py", [folder.path])
    let examples = try JSONDecoder().decode([Example].self, from: Data(output.utf8))
    let tokenizer = try BytePairTokenizer(parsing: try folder.read("tokenizer.json"))
    #expect(examples.count == 20)
    for example in examples {
      let tokens = tokenizer.encode(example.text)
      #expect(tokens == example.tokens, "\(example.text.prefix(80))")
      if !example.text.contains("<|endoftext|>") {
        let bytes = tokens.flatMap { tokenizer.bytes(of: $0) }
        #expect(String(decoding: bytes, as: UTF8.self) == example.text, "\(example.text.prefix(80))")
      }
    }
    // A word that merges over and over takes no longer than n log n.
    #expect(tokenizer.encode(String(repeating: "/", count: 100_000)).count < 100_000)
  }

  @Test(arguments: [
    ("", "expected a tokenizer"), ("{}", "expected a tokenizer"),
    (#"{"model": {"type": "WordPiece", "vocab": {}, "merges": []}}"#, "expected \"BPE\", found \"WordPiece\""),
    (#"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#, "expected \"ByteLevel\""),
    (
      #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}}"#,
      "lacks"
    ),
    (
      #"{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}}"#,
      "expected tokens from 0"
    ),
    (
      #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}, "pre_tokenizer": {"type": "ByteLevel"}}"#,
      "expected a tokenizer"
    ),
  ])
  func whatIsNotByteLevelBPEIsRefused(_ text: String, _ problem: String) throws {
    let error = #expect(throws: RuntimeError.self) { try BytePairTokenizer(parsing: Array(text.utf8)) }
    #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
  }
}
