import DerivedViews
import Foundation
import StoreRecords
import TestSupport
import Testing

@Suite struct SentencePieceTests {
  @Test(arguments: ["llama", "mistral", "qwen2"])
  func tokenizerModelIsWrittenWithTheTokensThatWereAdded(type: String) throws {
    let fixture = try DerivedFixture()
    let settings = """
      {"add_bos_token": true, "add_eos_token": false, "add_prefix_space": false, "eos_token": "</s>",
       "added_tokens_decoder": {"0": {"content": "<unk>", "special": true}, "7": {"content": "▁go", "special": false}}}
      """
    let folder = try fixture.importFile(
      try weights(fixture), as: "m",
      contents: [
        "config.json": Self.configuration(type), "tokenizer.model": SentencePieceBytes.model,
        "tokenizer_config.json": Array(settings.utf8), "added_tokens.json": Array(#"{"<tool>": 6, "<no>": 99}"#.utf8),
      ])
    #expect(try fixture.derived.listing(of: folder)?.gguf?.use == .text)
    let lines = try fixture.lines("model-F32.gguf", of: folder)
    for line in [
      #"tokenizer.ggml.model "llama""#, #"tokenizer.ggml.pre "default""#,
      #"tokenizer.ggml.tokens ["<unk>", "<s>", "</s>", "▁a", "b", "<x>", "<tool>", " go", "[PAD8]"]"#,
      "tokenizer.ggml.scores [-1000.0, 0.0, 0.0, -1.5, -2.0, 0.0, -1000.0, -1000.0, -10000.0]",
      "tokenizer.ggml.token_type [3, 3, 3, 1, 1, 5, 4, 4, 5]", "tokenizer.ggml.bos_token_id 1",
      "tokenizer.ggml.eos_token_id 2", "tokenizer.ggml.add_bos_token true", "tokenizer.ggml.add_eos_token false",
    ] { #expect(lines.contains(line), "\(line) in \(lines)") }
    #expect(lines.contains("tokenizer.ggml.add_space_prefix false") == (type != "qwen2"))
    #expect(!lines.contains { $0.hasPrefix("tokenizer.ggml.padding_token_id") }, "a number that no token has")
  }

  @Test func tokenizerJSONThatFallsBackToBytesIsOneToo() throws {
    let fixture = try DerivedFixture()
    let json = """
      {"model": {"type": "BPE", "byte_fallback": true, "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<0x0A>": 3, "▁a": 4},
       "merges": []}, "decoder": {"type": "Sequence", "decoders": []},
       "added_tokens": [{"id": 1, "content": "<s>", "special": true}, {"id": 5, "content": "▁go", "special": false},
       {"id": 6, "content": "<end>", "special": true}]}
      """
    let settings = #"{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "extra_special_tokens": ["<end>"]}"#
    let folder = try fixture.importFile(
      try weights(fixture), as: "m",
      contents: [
        "config.json": Self.configuration("llama"), "tokenizer.json": Array(json.utf8),
        "tokenizer_config.json": Array(settings.utf8),
      ])
    let lines = try fixture.lines("model-F32.gguf", of: folder)
    for line in [
      #"tokenizer.ggml.model "llama""#, "tokenizer.ggml.token_type [3, 3, 3, 6, 1, 4, 3, 5, 5]",
      #"tokenizer.ggml.tokens ["<unk>", "<s>", "</s>", "<0x0A>", "▁a", "▁go", "<end>", "[PAD7]", "[PAD8]"]"#,
    ] { #expect(lines.contains(line), "\(line) in \(lines)") }
  }

  @Test func whatIsNoModelIsRefusedAndTheReasonIsTold() throws {
    typealias Bytes = SentencePieceBytes
    let (start, unknown) = (Bytes.pieces[0], Bytes.piece("<unk>", type: 2))
    let maximum = [UInt8](repeating: 0xFF, count: 9) + [1]
    let cases: [(bytes: [UInt8], reason: String)] = [
      ([], "0 pieces for the unknown"), (Array("{\"model\": 1}".utf8), "is no model"), ([0x80], "and then the end"),
      ([UInt8](repeating: 0x80, count: 20), "more than 64 bits"),
      ([UInt8](repeating: 0xFF, count: 9) + [2], "more than 64 bits"), ([0], "no such number"),
      ([7 << 3 | 3], "wire type 3"), ([7 << 3 | 4], "wire type 4"), ([7 << 3 | 6], "wire type 6"),
      ([7 << 3 | 7], "wire type 7"),
      (start + [0x0A] + maximum, "of 18446744073709551615 bytes"),
      (start + [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], "bytes, and 0 are left"),
      (start + [0x0A, 5, 1], "and 1 are left"),
      (start + [9 << 3 | 1, 1, 2, 3], "a number of 8 bytes, and 3 are left"),
      (start + Bytes.field(1, UInt64(4)), "field 1 that is no message"),
      (start + Bytes.field(2, UInt64(4)), "field 2 that is no message"),
      (start + Bytes.field(1, Bytes.field(1, UInt64(4))), "of another type"),
      (start + Bytes.field(1, Bytes.field(2, UInt64(4))), "of another type"),
      (start + Bytes.field(1, Bytes.field(3, [1])), "of another type"),
      (start + Bytes.field(1, Bytes.field(1, [0xC3])), "not UTF-8"),
      (start + Bytes.field(2, Bytes.field(35, [1])), "byte_fallback"), (start + Bytes.piece("a", .nan), "no number"),
      (start + Bytes.piece("a", .infinity), "no number"), (start + Bytes.piece("a", type: 0), "unknown type 0"),
      (start + Bytes.piece("a", type: 7), "unknown type 7"), (start + Bytes.piece("a", type: .max), "unknown type"),
      (start + Bytes.piece(""), "empty piece"), (start + Bytes.field(1, [UInt8]()), "empty piece"),
      (start + Bytes.piece("a") + Bytes.piece("a"), "\"a\" twice"), (start + Bytes.piece("u", type: 2), "2 pieces"),
      (start + Bytes.piece("<0x0G>", type: 6), "<0x..> is expected"), (Bytes.piece("a"), "0 pieces for the unknown"),
      (unknown + Bytes.piece("<0x00>", type: 6), "1 pieces for bytes"),
      (unknown + Bytes.field(2, Bytes.field(35, UInt64(1))), "0 pieces for bytes, and 256"),
    ]
    let fixture = try DerivedFixture()
    let weights = try weights(fixture)
    for (index, (bytes, reason)) in cases.enumerated() {
      let folder = try fixture.importFile(
        weights, as: "m\(index)", contents: ["config.json": Self.configuration("llama"), "tokenizer.model": bytes])
      let found = try fixture.reason(folder)
      #expect(
        found?.contains(reason) == true && found?.contains("tokenizer.model") == true,
        "\(reason): \(found ?? "offered")")
    }
  }

  @Test func whatStandsBesideItIsRefusedIfItSaysNothing() throws {
    let fixture = try DerivedFixture()
    let weights = try weights(fixture)
    let cases: [(texts: [String: String], reason: String)] = [
      (["added_tokens.json": "["], "added_tokens.json is no JSON"), (["added_tokens.json": "[]"], "is no object"),
      (["added_tokens.json": #"{"a": -1}"#], "no token has"), (["added_tokens.json": #"{"a": 1e3}"#], "no token has"),
      (["tokenizer_config.json": #"{"added_tokens_decoder": []}"#], "is no object"),
      (["tokenizer_config.json": #"{"added_tokens_decoder": {"-1": {"content": "a"}}}"#], "a number and a token"),
      (["tokenizer_config.json": #"{"added_tokens_decoder": {"1": {}}}"#], "a number and a token"),
      (["tokenizer_config.json": #"{"add_prefix_space": "yes"}"#], "add_prefix_space is no flag"),
      (["tekken.json": "{}"], "tekken.json"),
    ]
    for (index, (texts, reason)) in cases.enumerated() {
      var contents = texts.mapValues { Array($0.utf8) }
      contents["config.json"] = Self.configuration("llama")
      contents["tokenizer.model"] = SentencePieceBytes.model
      let found = try fixture.reason(try fixture.importFile(weights, as: "m\(index)", contents: contents))
      #expect(found?.contains(reason) == true, "\(texts): \(found ?? "offered")")
    }
  }

  @Test func cutAnywhereItIsReadWholePiecesOnlyAndDamagedAnywhereItIsReadOrRefused() throws {
    let fixture = try DerivedFixture()
    let weights = try weights(fixture)
    let model = SentencePieceBytes.model
    // Where fields of the outermost message end, at least one piece having been read.
    var (ends, end): (Set<Int>, Int) = ([], 0)
    for piece in SentencePieceBytes.pieces {
      end += piece.count
      ends.insert(end)
    }
    for count in 0..<model.count {
      let folder = try fixture.importFile(
        weights, as: "cut\(count)",
        contents: ["config.json": Self.configuration("llama"), "tokenizer.model": Array(model.prefix(count))])
      let reason = try fixture.reason(folder)
      if count < end { #expect((reason == nil) == ends.contains(count), "\(count): \(reason ?? "offered")") }
    }
    var random = SeededNumbers(state: 11)
    for number in 0..<100 {
      var damaged = model
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[Int.random(in: 0..<model.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let folder = try fixture.importFile(
        weights, as: "damaged\(number)",
        contents: ["config.json": Self.configuration("llama"), "tokenizer.model": damaged])
      if let reason = try fixture.reason(folder) { #expect(reason.contains("tokenizer.model"), "\(reason)") }
    }
  }

  private static func configuration(_ type: String) -> [UInt8] {
    let text =
      #"{"model_type":"\#(type)","hidden_size":4,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"#
      + #""max_position_embeddings":6,"rms_norm_eps":1e-6,"vocab_size":9,"bos_token_id":1,"eos_token_id":2,"#
      + #""pad_token_id":9}"#
    return Array(text.utf8)
  }

  /// A Llama of one layer.
  private func weights(_ fixture: DerivedFixture) throws -> String {
    var shapes: [(name: String, shape: [Int])] = [
      ("model.embed_tokens.weight", [9, 4]), ("model.norm.weight", [4]), ("lm_head.weight", [9, 4]),
    ]
    for (part, shape) in [
      ("input_layernorm", [4]), ("post_attention_layernorm", [4]), ("self_attn.q_proj", [4, 4]),
      ("self_attn.k_proj", [4, 4]), ("self_attn.v_proj", [4, 4]), ("self_attn.o_proj", [4, 4]),
      ("mlp.gate_proj", [8, 4]), ("mlp.up_proj", [8, 4]), ("mlp.down_proj", [4, 8]),
    ] { shapes.append(("model.layers.0.\(part).weight", shape)) }
    return try fixture.writeWeights("w.safetensors", shapes)
  }
}
