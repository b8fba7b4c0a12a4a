import Synchronization

/// Text to text: a model found by name or path, its tokenizer, and the way from a prompt to what follows it.
///
/// Requests may come from many threads. Each is answered by one version: the one that the path led to when it began. When the
/// path leads elsewhere (`active` was moved), the next request loads that version first; requests that run keep theirs.
package final class TextRuntime: Sendable {
  /// What a load gives.
  private struct Loaded: Sendable {
    var model: LoadedModel
    var tokenizer: any Tokenizer
  }

  private struct State {
    var loaded: Loaded
    /// What the path led to when it last did not load: not tried again until it moves.
    var refused: String?
  }

  private let location: ModelLocation
  private let follows: Bool
  private let threads: Int
  private let warn: @Sendable (String) -> Void
  // Loads happen under the lock: requests of the new version have to wait for it in any case, and none loads it twice.
  private let state: Mutex<State>

  /// Loads the model.
  ///
  /// - Parameters:
  ///   - follows: whether requests look again where the location leads. If not, it may be gone once this returns.
  ///   - threads: how many compute an answer together.
  ///   - warn: told, in a sentence, of what was not as it should be but has been dealt with.
  package init(
    _ location: ModelLocation, follows: Bool = true, threads: Int = 1, warn: @escaping @Sendable (String) -> Void
  ) throws {
    self.location = location
    self.follows = follows
    self.threads = threads
    self.warn = warn
    state = Mutex(State(loaded: try Self.load(try location.resolved(), warn), refused: nil))
  }

  private static func load(_ resolved: String, _ warn: (String) -> Void) throws -> Loaded {
    let model = try LoadedModel(resolved: resolved, warn: warn)
    return Loaded(model: model, tokenizer: try tokenizer(beside: model))
  }

  /// What tokenizer.json says; bytes if there is none and the vocabulary is that of bytes.
  private static func tokenizer(beside model: LoadedModel) throws -> any Tokenizer {
    let folder = model.weightFile[..<(model.weightFile.lastIndex(of: "/") ?? model.weightFile.startIndex)]
    let size = model.weights.configuration.vocabularySize
    let bytes: [UInt8]
    do throws(RuntimeError) {
      bytes = try SmallFile.contents(
        of: folder + "/tokenizer.json", limit: BytePairTokenizer.byteLimit,
        missing: "a vocabulary of \(size) tokens cannot be read without it; put it beside config.json")
    } catch {
      if error.code == .noInput, size == 256 { return ByteTokenizer() }
      throw error
    }
    let tokenizer = try BytePairTokenizer(parsing: bytes)
    guard tokenizer.vocabularySize <= size else {
      throw RuntimeError(
        .badData,
        "tokenizer.json: expected at most \(size) tokens, as config.json says, found \(tokenizer.vocabularySize)")
    }
    return tokenizer
  }

  /// The version that a request beginning now is answered by.
  package func current() -> LoadedModel { loaded().model }

  private func loaded() -> Loaded {
    state.withLock { state in
      guard follows else { return state.loaded }
      let resolved: String
      do throws(RuntimeError) {
        resolved = try location.resolved()
      } catch {
        if state.refused != location.path {
          state.refused = location.path
          warn("\(error.description); \(state.loaded.model.resolved) stays in use")
        }
        return state.loaded
      }
      if resolved == state.loaded.model.resolved {
        state.refused = nil
      } else if resolved != state.refused {
        do {
          state = State(loaded: try Self.load(resolved, warn), refused: nil)
        } catch {
          state.refused = resolved
          warn("\(resolved) cannot be used: \(error); \(state.loaded.model.resolved) stays in use")
        }
      }
      return state.loaded
    }
  }

  /// Begins a text that follows `prompt`; an empty prompt stands for the token that begins texts.
  ///
  /// A multimodal model is asked: a line's end is added to the prompt unless it has one, and what follows is the answer.
  ///
  /// - Parameter image: what the text is about; scaled to the size that the model takes.
  /// - Throws: `usage` for options out of range, an image for a model that sees none, or an empty prompt to a model that
  ///   names no token that begins texts.
  package func generate(
    _ prompt: String, image: RasterImage? = nil, options: SamplingOptions = .init()
  ) throws(RuntimeError) -> TextGeneration {
    try options.validate()
    let loaded = loaded()
    let weights = loaded.model.weights
    var tokens = loaded.tokenizer.encode(weights.asked(prompt))
    if tokens.isEmpty {
      guard let beginning = weights.beginning else {
        throw RuntimeError(
          .usage, "prompt: expected a text, since config.json names no bos_token_id, found an empty one")
      }
      tokens = [beginning]
    }
    var generation = try TextGeneration(
      loaded.model, loaded.tokenizer, prompt: tokens, options: options, threads: threads)
    if let image { try generation.see(image) }
    return generation
  }

  /// The same as a sequence of pieces.
  package func stream(_ prompt: String, options: SamplingOptions = .init()) throws(RuntimeError) -> TextStream {
    TextStream(generation: try generate(prompt, options: options))
  }
}
