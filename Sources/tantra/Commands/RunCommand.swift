import ArgumentParser
import TantraRuntime

/// `tantra run MODEL --prompt TEXT [...]`
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Let a Mamba go on with a text.",
    discussion: """
      MODEL is a model of the mount at $TANTRA_MOUNT, or of the mounted store if that is not set, whose active version \
      answers; or, if it holds a slash, a folder with config.json and weights, or a weight file beside its config.json. Any checkpoint of \
      transformers' MambaForCausalLM in float32, float16 or bfloat16 runs. Weights are mapped from model.safetensors; if \
      that cannot be used, the next format is, with a warning. Without tokenizer.json, tokens are bytes.

      mamba_multimodal answers a question about an image, PNG or JPEG, which is scaled to 96 x 96 pixels.

      The text goes to standard output, everything else to standard error.
      """)

  @Argument(help: "Name of a model of the mount, or path of a folder or weight file.") var model: String
  @Option(help: "The text to go on with; empty to begin one.") var prompt: String
  @Option(help: "A PNG or JPEG that the text is about; for mamba_multimodal.") var image: String?
  @Option(help: "Version of the model instead of the active one.") var version: String?
  @Flag(help: "Write the text as it is made.") var stream = false
  @Flag(help: "Tell how long everything took.") var stats = false
  @Flag(help: "Print JSON.") var json = false
  @Option(help: "The most tokens to generate.") var maxTokens = 256
  @Option(help: "0 takes the likeliest token each time; towards 1 and above, more and more surprising ones are drawn.")
  var temperature: Float = 0
  @Option(help: "Draw from that many of the likeliest tokens only.") var topK: Int?
  @Option(help: "Draw from the fewest tokens whose probabilities reach this sum.") var topP: Float = 1
  @Option(help: "Make tokens that occurred less likely, by this factor.") var repetitionPenalty: Float = 1
  @Option(help: "The same seed gives the same text.") var seed: UInt64?
  @Option(help: "End before this text; may be given several times.") var stop: [String] = []
  @Option(help: "Threads to compute with; more than one helps large models.") var threads = 1
  @OptionGroup var store: StoreOptions

  func validate() throws {
    if stream && json { throw ValidationError("--stream and --json exclude each other") }
  }

  func run() throws {
    var options = SamplingOptions()
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.repetitionPenalty = repetitionPenalty
    options.seed = seed
    options.stopStrings = stop
    options.maximumTokens = maxTokens
    // Before the weights are read, which may take a while.
    try options.validate()

    let runtime = try TextRuntime(try store.location(of: model, version: version), threads: threads) {
      Console.error($0)
    }
    let channels = runtime.current().weights.imageSize?.channels ?? 3
    let seen = try image.map { try ImageFile.read($0, channels: channels) }
    var generation = try runtime.generate(prompt, image: seen, options: options)
    var text = ""
    while let piece = try generation.next() {
      if stream { Console.print(raw: piece) } else { text += piece }
    }
    if json {
      try Console.print(json: Report(generation, text))
    } else {
      Console.print(text)
    }
    if stats && !json { Console.note(Report(generation, text).lines) }
  }

  private struct Report: Encodable {
    var text: String
    var ending: TextGeneration.Ending?
    var weights: String
    var weightBytes: Int
    var copiedBytes: Int
    var promptTokens: Int
    var tokens: Int
    var openMilliseconds: Double
    var mapMilliseconds: Double
    var prepareMilliseconds: Double
    var imageMilliseconds: Double?
    var firstTokenMilliseconds: Double
    var promptTokensPerSecond: Double
    var tokensPerSecond: Double?

    init(_ generation: TextGeneration, _ text: String) {
      func milliseconds(_ duration: Duration) -> Double { (duration / .microseconds(1)).rounded() / 1000 }
      let statistics = generation.statistics
      let model = generation.model
      self.text = text
      ending = generation.ending
      weights = model.weightFile
      weightBytes = model.weights.byteCount
      copiedBytes = model.weights.copiedByteCount
      promptTokens = statistics.promptTokens
      tokens = statistics.tokens
      openMilliseconds = milliseconds(model.times.open)
      mapMilliseconds = milliseconds(model.times.map)
      prepareMilliseconds = milliseconds(model.times.prepare)
      imageMilliseconds = statistics.seeing > .zero ? milliseconds(statistics.seeing) : nil
      firstTokenMilliseconds = milliseconds(statistics.firstToken)
      promptTokensPerSecond = rate(statistics.promptTokens, statistics.prefill) ?? 0
      tokensPerSecond = rate(statistics.tokens - 1, statistics.decoding)
      func rate(_ count: Int, _ duration: Duration) -> Double? {
        count > 0 && duration > .zero ? (Double(count) / (duration / .seconds(1)) * 10).rounded() / 10 : nil
      }
    }

    var lines: String {
      """
      weights      \(weights), \(Console.size(weightBytes)) mapped, \(Console.size(copiedBytes)) of them arranged anew
      open         \(openMilliseconds) ms
      map          \(mapMilliseconds) ms
      prepare      \(prepareMilliseconds) ms\(imageMilliseconds.map { "\nimage        \($0) ms" } ?? "")
      first token  \(firstTokenMilliseconds) ms
      prompt       \(promptTokens) tokens, \(promptTokensPerSecond) a second
      text         \(tokens) tokens\(tokensPerSecond.map { ", \($0) a second" } ?? "")
      """
    }
  }
}
