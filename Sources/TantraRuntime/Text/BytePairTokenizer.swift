import FoundationEssentials
import Tensors
import WeightFormats

/// Byte-level BPE as GPT-2 and GPT-NeoX have it, read from tokenizer.json.
package struct BytePairTokenizer: Tokenizer {
  /// The largest tokenizer.json that is read, in bytes.
  package static let byteLimit = 64 << 20

  /// Two neighbouring tokens.
  private struct Pair: Hashable {
    var left: Int32
    var right: Int32
  }
  private struct Merge {
    var rank: Int32
    var token: Int32
  }
  private struct Added {
    var content: [UInt8]
    var token: Int32
  }

  package let vocabularySize: Int
  private let merges: [Pair: Merge]
  /// The token of each byte.
  private let byteTokens: [Int32]
  /// The bytes of each token.
  private let pieces: [[UInt8]]
  /// By first byte, the longest first.
  private let added: [UInt8: [Added]]
  private let addsPrefixSpace: Bool
  private let splitsWords: Bool
  private let composes: Bool

  /// - Throws: `badData` for what is not byte-level BPE, or is inconsistent.
  package init(parsing bytes: [UInt8]) throws(RuntimeError) {
    let file: TokenizerFile
    do {
      file = try JSONDecoder().decode(TokenizerFile.self, from: Data(JSONReader.keepingLastMembers(of: bytes)))
    } catch {
      throw RuntimeError(.badData, "tokenizer.json: expected a tokenizer of Hugging Face's tokenizers with a BPE model")
    }
    if let problem = file.unsupported { throw RuntimeError(.badData, "tokenizer.json: \(problem)") }
    let step = file.pre_tokenizer?.all.first
    addsPrefixSpace = step?.add_prefix_space ?? true
    splitsWords = step?.use_regex ?? true
    composes = !(file.normalizer?.all ?? []).isEmpty

    let addedTokens = file.added_tokens ?? []
    let largest = max(file.model.vocab.values.max() ?? -1, addedTokens.map(\.id).max() ?? -1)
    guard (0..<1 << 24).contains(largest), file.model.vocab.values.allSatisfy({ $0 >= 0 }),
      addedTokens.allSatisfy({ $0.id >= 0 && !$0.content.isEmpty })
    else { throw RuntimeError(.badData, "tokenizer.json: expected tokens from 0 to 16777215") }
    vocabularySize = largest + 1
    var pieces = [[UInt8]](repeating: [], count: vocabularySize)
    var tokens: [ByteString: Int32] = [:]
    for (text, id) in file.model.vocab {
      tokens[ByteString(text)] = Int32(id)
      pieces[id] = ByteAlphabet.bytes(of: text)
    }
    for token in addedTokens { pieces[token.id] = token.special == true ? [] : Array(token.content.utf8) }
    self.pieces = pieces

    var byteTokens: [Int32] = []
    for scalar in ByteAlphabet.scalars {
      guard let token = tokens[ByteString(String(scalar))] else {
        throw RuntimeError(.badData, "tokenizer.json: the vocabulary lacks \"\(scalar)\", the token of a byte")
      }
      byteTokens.append(token)
    }
    self.byteTokens = byteTokens

    var merges: [Pair: Merge] = [:]
    merges.reserveCapacity(file.model.merges.count)
    for (rank, merge) in file.model.merges.enumerated() {
      guard let left = tokens[ByteString(merge.left)], let right = tokens[ByteString(merge.right)],
        let token = tokens[ByteString(merge.left + merge.right)]
      else { throw RuntimeError(.badData, "tokenizer.json: merge \(rank) names a token that is not in the vocabulary") }
      merges[Pair(left: left, right: right)] = Merge(rank: Int32(rank), token: token)
    }
    self.merges = merges
    added = Dictionary(
      grouping: addedTokens.map { Added(content: Array($0.content.utf8), token: Int32($0.id)) }, by: { $0.content[0] }
    ).mapValues { $0.sorted { $0.content.count > $1.content.count } }
  }

  package func bytes(of token: Int32) -> [UInt8] {
    pieces.indices.contains(Int(token)) ? pieces[Int(token)] : []
  }

  package func encode(_ text: String) -> [Int32] {
    var tokens: [Int32] = []
    let bytes = Array((composes ? text.composed : text).utf8)
    var start = 0
    var position = 0
    while position < bytes.count {
      if let candidates = added[bytes[position]],
        let match = candidates.first(where: { bytes[position...].starts(with: $0.content) })
      {
        encode(bytes[start..<position], into: &tokens)
        tokens.append(match.token)
        position += match.content.count
        start = position
      } else {
        position += 1
      }
    }
    encode(bytes[start...], into: &tokens)
    return tokens
  }

  /// Text between added tokens.
  private func encode(_ bytes: ArraySlice<UInt8>, into tokens: inout [Int32]) {
    guard let first = bytes.first else { return }
    let text = String(decoding: addsPrefixSpace && first != UInt8(ascii: " ") ? [0x20] + bytes : bytes, as: UTF8.self)
    for word in splitsWords ? WordSplitter.words(of: text) : [text[...]] {
      merge(word.utf8.map { byteTokens[Int($0)] }, into: &tokens)
    }
  }

  /// A merge that could be made now: of the symbol at `position` and the next.
  private struct Candidate {
    var rank: Int32
    var position: Int32
    var pair: Pair

    static func < (a: Candidate, b: Candidate) -> Bool {
      a.rank != b.rank ? a.rank < b.rank : a.position < b.position
    }
  }

  /// Makes the merges of a word, lowest rank first, leftmost first. O(n log n), so that no word makes it long.
  private func merge(_ word: [Int32], into tokens: inout [Int32]) {
    var symbols = word
    guard symbols.count > 1 else {
      tokens += symbols
      return
    }
    var next = (1...symbols.count).map(Int32.init)
    var previous = (-1..<Int32(symbols.count - 1)).map { $0 }
    let count = Int32(symbols.count)
    var heap = Heap<Candidate>(isBefore: <)
    func offer(_ position: Int32) {
      guard position >= 0, next[Int(position)] < count else { return }
      let pair = Pair(left: symbols[Int(position)], right: symbols[Int(next[Int(position)])])
      if let merge = merges[pair] { heap.insert(Candidate(rank: merge.rank, position: position, pair: pair)) }
    }
    for position in 0..<count - 1 { offer(position) }
    while let best = heap.removeFirst() {
      let left = Int(best.position)
      // Symbols that were merged meanwhile have become -1 or something else.
      guard symbols[left] == best.pair.left, next[left] < count, symbols[Int(next[left])] == best.pair.right,
        let merge = merges[best.pair]
      else { continue }
      let right = Int(next[left])
      symbols[left] = merge.token
      symbols[right] = -1
      next[left] = next[right]
      if next[left] < count { previous[Int(next[left])] = Int32(left) }
      offer(previous[left])
      offer(Int32(left))
    }
    tokens += symbols.filter { $0 >= 0 }
  }
}
