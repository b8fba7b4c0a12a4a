/// The tokenizer of a model whose token is a byte, as llama.cpp's `rwkv` tokenizer reads it: any bytes become tokens, and back.
enum ByteTokenizer {
  /// - Parameters:
  ///   - bos: the token that begins a text, and is no text.
  ///   - eos: the one that ends it.
  static func keys(bos: Int, eos: Int) -> [GGUFKey] {
    let special = Set([bos, eos])
    return [
      GGUFKey("tokenizer.ggml.model", .string("rwkv")),
      GGUFKey("tokenizer.ggml.tokens", .strings((UInt8.min...UInt8.max).map(literal))),
      GGUFKey("tokenizer.ggml.token_type", .int32s((0..<256).map { special.contains($0) ? 3 : 1 })),
      GGUFKey("tokenizer.ggml.bos_token_id", .uint32(UInt32(clamping: bos))),
      GGUFKey("tokenizer.ggml.eos_token_id", .uint32(UInt32(clamping: eos))),
      GGUFKey("tokenizer.ggml.add_bos_token", .bool(false)),
    ]
  }

  /// A byte as Python writes it in a literal: printable ASCII as it is, `\xhh` for others.
  private static func literal(_ byte: UInt8) -> [UInt8] {
    let text =
      switch byte {
      case UInt8(ascii: "\\"): "\\\\"
      case 9: "\\t"
      case 10: "\\n"
      case 13: "\\r"
      case 0x20...0x7E: String(UnicodeScalar(byte))
      default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    return Array(text.utf8)
  }
}
