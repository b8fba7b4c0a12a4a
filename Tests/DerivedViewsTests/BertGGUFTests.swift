import DerivedViews
import Foundation
import StoreRecords
import TestSupport
import Testing

@Suite struct BertGGUFTests {
  @Test func llamaCppMakesTheVectorsThatTransformersMakes() throws {
    let fixture = try DerivedFixture()
    try Python.oracle("converted_gguf.py", ["make", fixture.scratch("made"), "bert"])
    let folder = try fixture.importFolder(fixture.scratch("made/bert"), as: "bert")
    let listing = try #require(try fixture.derived.listing(of: folder))
    #expect(listing.gguf?.use == .text && listing.gguf?.architecture == "bert", "\(listing.missing)")
    let file = try fixture.scratch.write("bert.gguf", try fixture.bytes("model-F32.gguf", of: folder))
    let difference = try Python.oracle("bert_vectors.py", [fixture.scratch("made/bert"), file], isMeasured: true)
    #expect(Double(difference.dropLast()).map { $0 < 0.001 } == true, "\(difference)")
  }

  @Test func aVocabularyOfLinesIsWrittenAsLlamaCppExpectsIt() throws {
    let fixture = try DerivedFixture()
    let folder = try fixture.importFile(
      try weights(fixture), as: "m", texts: ["config.json": Self.configuration, "vocab.txt": Self.vocabulary])
    let lines = try fixture.lines("model-BF16.gguf", of: folder)
    for line in [
      #"tokenizer.ggml.model "bert""#, "tokenizer.ggml.token_type_count 2", "bert.attention.causal false",
      #"tokenizer.ggml.tokens ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁a", "s", "▁été", "▁[PAD7]"]"#,
      "tokenizer.ggml.token_type [3, 3, 3, 3, 1, 1, 1, 5]", "token_embd.weight BF16 [8, 4]",
      "position_embd.weight F32 [6, 4]", "token_types.weight F32 [2, 4]", "token_embd_norm.bias F32 [4]",
      "blk.0.attn_output_norm.weight F32 [4]", "blk.0.ffn_up.weight BF16 [8, 4]",
      "blk.0.layer_output_norm.bias F32 [4]",
    ] { #expect(lines.contains(line), "\(line) in \(lines)") }
    #expect(!lines.contains { $0.hasPrefix("pooler") || $0.hasPrefix("bert.pooling_type") }, "\(lines)")
  }

  @Test(arguments: [
    (#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#, 1), (#"{"pooling_mode": "cls"}"#, 2),
    (#"{"pooling_mode_lasttoken": true}"#, 3),
  ])
  func howSentencesArePooledIsSaid(pooling: String, number: Int) throws {
    let fixture = try DerivedFixture()
    let folder = try fixture.importFile(
      try weights(fixture), as: "m",
      texts: [
        "config.json": Self.configuration, "vocab.txt": Self.vocabulary, "modules.json": Self.modules,
        "1_Pooling/config.json": pooling,
      ])
    let lines = try fixture.lines("model-F32.gguf", of: folder)
    #expect(lines.contains("bert.pooling_type \(number)"), "\(lines)")
  }

  @Test func whatLlamaCppWouldNotRunIsAReason() throws {
    let fixture = try DerivedFixture()
    let weights = try weights(fixture)
    func configuration(_ change: (String, String)) -> String {
      Self.configuration.replacingOccurrences(of: change.0, with: change.1)
    }
    let wordPiece = #"{"model":{"type":"WordPiece","vocab":{"a":0}},"added_tokens":[]}"#
    let cases: [(texts: [String: String], reason: String)] = [
      (["config.json": configuration(("BertModel", "BertLMHeadModel"))], "as an encoder"),
      (["config.json": configuration(("\"hidden_size\"", "\"is_decoder\":true,\"hidden_size\""))], "as an encoder"),
      (["config.json": configuration(("\"max_position_embeddings\":6", "\"max_position_embeddings\":7"))], "of shape"),
      (["config.json": configuration(("\"type_vocab_size\":2", "\"type_vocab_size\":3"))], "of shape"),
      (["config.json": configuration(("\"num_hidden_layers\":1", "\"num_hidden_layers\":2"))], "no tensor of layer 1"),
      (["config.json": configuration(("\"hidden_size\"", "\"id2label\":{\"a\":\"b\"},\"hidden_size\""))], "id2label"),
      (["vocab.txt": Self.vocabulary + "c\nd\n"], "vocab.txt has a token \"d\" beyond the 8"),
      (["tokenizer.json": #"{"model":{"type":"Unigram"}}"#], "WordPiece is expected"),
      (["tokenizer.json": wordPiece.replacingOccurrences(of: ":0", with: ":8")], "beyond the 8"),
      (["tokenizer.json": wordPiece.replacingOccurrences(of: ":0", with: ":-1")], "beyond the 8"),
      (["tokenizer.json": wordPiece.replacingOccurrences(of: ":0", with: ":\"0\"")], "beyond the 8"),
      (
        ["tokenizer.json": #"{"model":{"type":"WordPiece","continuing_subword_prefix":"@@","vocab":{}}}"#],
        "continues words with \"@@\""
      ),
      (["modules.json": "{"], "modules.json is no JSON"), (["modules.json": Self.modules], "was not found"),
      (["modules.json": Self.modules, "1_Pooling/config.json": #"{"pooling_mode":"max"}"#], "names no pooling"),
    ]
    for (index, (texts, reason)) in cases.enumerated() {
      var all = ["config.json": Self.configuration]
      if texts["tokenizer.json"] == nil { all["vocab.txt"] = Self.vocabulary }
      let folder = try fixture.importFile(weights, as: "m\(index)", texts: all.merging(texts) { $1 })
      let found = try fixture.reason(folder)
      #expect(found?.contains(reason) == true, "\(texts): \(found ?? "offered")")
      #expect(throws: StoreError.self) { try fixture.derived.open("model-F32.gguf", of: folder) }
    }
  }

  private static let configuration =
    #"{"model_type":"bert","architectures":["BertModel"],"hidden_size":4,"num_hidden_layers":1,"#
    + #""num_attention_heads":2,"intermediate_size":8,"max_position_embeddings":6,"type_vocab_size":2,"vocab_size":8}"#

  private static let vocabulary = "[PAD]\n[UNK]\r\n[CLS]\n[SEP]\na\n##s\nété\n"

  private static let modules = #"[{"type":"a.Transformer","path":""},{"type":"b.Pooling","path":"1_Pooling"}]"#

  /// A BERT of one layer, with names as older files have them.
  private func weights(_ fixture: DerivedFixture) throws -> String {
    var shapes: [(name: String, shape: [Int])] = [
      ("bert.embeddings.word_embeddings.weight", [8, 4]), ("bert.embeddings.position_embeddings.weight", [6, 4]),
      ("bert.embeddings.token_type_embeddings.weight", [2, 4]), ("bert.embeddings.position_ids", [1, 6]),
      ("bert.embeddings.LayerNorm.gamma", [4]), ("bert.embeddings.LayerNorm.beta", [4]),
      ("bert.pooler.dense.weight", [4, 4]), ("cls.predictions.bias", [8]),
    ]
    for (part, rows, columns) in [
      ("attention.self.query", 4, 4), ("attention.self.key", 4, 4), ("attention.self.value", 4, 4),
      ("attention.output.dense", 4, 4), ("intermediate.dense", 8, 4), ("output.dense", 4, 8),
    ] {
      shapes.append(("bert.encoder.layer.0.\(part).weight", [rows, columns]))
      shapes.append(("bert.encoder.layer.0.\(part).bias", [rows]))
    }
    for part in ["attention.output", "output"] {
      shapes.append(("bert.encoder.layer.0.\(part).LayerNorm.gamma", [4]))
      shapes.append(("bert.encoder.layer.0.\(part).LayerNorm.beta", [4]))
    }
    return try fixture.writeWeights("w-\(UUID().uuidString).safetensors", shapes)
  }
}
