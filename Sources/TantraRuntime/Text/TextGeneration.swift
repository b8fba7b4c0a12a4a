/// A text being generated, token by token. Reading the whole prompt happens at the first call of ``next()``.
package struct TextGeneration {
  /// Why a text ended.
  package enum Ending: String, Sendable, Codable {
    /// A token that ends texts.
    case endOfText = "end_of_text"
    case stopString = "stop_string"
    case maximumTokens = "max_tokens"
  }

  /// What was spent on a text.
  package struct Statistics: Sendable {
    /// Tokens of the prompt.
    package var promptTokens = 0
    /// Tokens generated, those that ended the text included.
    package var tokens = 0
    /// Seeing the image, if there is one.
    package var seeing = Duration.zero
    /// Reading the prompt.
    package var prefill = Duration.zero
    /// From the beginning to the first token's choice.
    package var firstToken = Duration.zero
    /// Choosing and feeding the tokens after the first.
    package var decoding = Duration.zero
  }

  /// The version that answers: one for the whole text, whatever becomes active meanwhile.
  package let model: LoadedModel
  package private(set) var statistics = Statistics()
  /// Nil until the text has ended.
  package private(set) var ending: Ending?
  /// Tokens of the prompt that the session has not read yet.
  private var unread: [Int32]
  private let tokenizer: any Tokenizer
  private let session: MambaSession
  private let options: SamplingOptions
  private var sampler: Sampler
  private var assembler: TextAssembler
  /// The token that was chosen last, which the session has not read yet.
  private var upcoming: Int32?
  private var start = ContinuousClock().now

  init(
    _ model: LoadedModel, _ tokenizer: any Tokenizer, prompt: [Int32], options: SamplingOptions, threads: Int
  ) throws(RuntimeError) {
    try options.validate()
    self.model = model
    self.tokenizer = tokenizer
    self.options = options
    unread = prompt
    session = try MambaSession(model.weights, threads: threads)
    sampler = Sampler(options, vocabularySize: model.weights.configuration.vocabularySize)
    assembler = TextAssembler(stopStrings: options.stopStrings)
    statistics.promptTokens = prompt.count
    for token in prompt { sampler.note(token) }
  }

  /// What follows `text` in the same sequence: all that was read and generated so far comes before it. An empty text lets the
  /// sequence go on. The model reads first what it had not read when this text ended.
  ///
  /// The two share a session: this generation is over.
  package func followed(by text: String) -> TextGeneration {
    var next = self
    let tokens = tokenizer.encode(model.weights.asked(text))
    // A token that ends texts would let the model forget what came before it.
    let last = ending == .endOfText ? nil : upcoming
    next.unread = unread + (last.map { [$0] } ?? []) + tokens
    next.upcoming = nil
    next.ending = nil
    next.assembler = TextAssembler(stopStrings: options.stopStrings)
    next.statistics = Statistics()
    next.statistics.promptTokens = next.unread.count
    next.start = ContinuousClock().now
    for token in tokens { next.sampler.note(token) }
    return next
  }

  /// Lets the text be about an image, which is scaled to the size that the model takes; before the first ``next()``.
  mutating func see(_ image: RasterImage) throws(RuntimeError) {
    let clock = ContinuousClock()
    let begin = clock.now
    guard let size = model.weights.imageSize else {
      throw RuntimeError(.usage, "expected a model that sees images, such as mamba_multimodal, found one of text only")
    }
    guard image.channels == size.channels else {
      throw RuntimeError(.usage, "expected an image of \(size.channels) channels, found \(image.channels)")
    }
    try session.see(image.fitted(side: size.side))
    statistics.seeing = clock.now - begin
  }

  /// The next piece of text, empty while a character or what may become a stop string is incomplete; nil after the end.
  ///
  /// - Parameter isStopped: asked while the prompt is read; true ends with `CancellationError`.
  package mutating func next(isStopped: () -> Bool = { false }) throws -> String? {
    guard ending == nil else { return nil }
    let clock = ContinuousClock()
    let begin = clock.now
    if statistics.tokens >= options.maximumTokens {
      ending = .maximumTokens
      return assembler.finish()
    }
    if let upcoming {
      try session.feed(upcoming)
    } else {
      let before = session.position
      defer { unread.removeFirst(min(unread.count, session.position - before)) }
      try session.prefill(unread, isStopped: isStopped)
      statistics.prefill = clock.now - begin
    }
    if isStopped() { throw CancellationError() }
    let token = try sampler.choose(session.logits)
    if upcoming == nil { statistics.firstToken = clock.now - start } else { statistics.decoding += clock.now - begin }
    upcoming = token
    statistics.tokens += 1
    sampler.note(token)
    if model.weights.endings.contains(token) {
      ending = .endOfText
      return assembler.finish()
    }
    let text = assembler.append(tokenizer.bytes(of: token))
    if assembler.isStopped { ending = .stopString }
    return text
  }
}

/// A text being generated, as a sequence of pieces that none awaits longer than a token takes.
///
/// Each piece is computed when it is asked for, by the task that asks; cancelling the task ends the sequence with
/// `CancellationError`.
package struct TextStream: AsyncSequence {
  package typealias Element = String

  package struct AsyncIterator: AsyncIteratorProtocol {
    var generation: TextGeneration

    package mutating func next() async throws -> String? {
      try Task.checkCancellation()
      while let piece = try generation.next(isStopped: { Task.isCancelled }) {
        if !piece.isEmpty { return piece }
        await Task.yield()
        try Task.checkCancellation()
      }
      return nil
    }
  }

  let generation: TextGeneration
  /// The version that answers.
  package var model: LoadedModel { generation.model }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(generation: generation) }
}
