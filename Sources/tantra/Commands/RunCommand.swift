import ArgumentParser
import TantraRuntime

/// `tantra run MODEL [TEXT] [--chat] [...]`
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Let a Mamba go on with a text, or talk with it.",
    discussion: """
      MODEL is a model of the store, whose active version answers, or MODEL/VERSION. The mount at $TANTRA_MOUNT serves it, \
      else that of the store; a store that is not mounted is read directly. Or it is a path that holds a slash: of a folder \
      with config.json and weights, or of a weight file beside its config.json. Any checkpoint of transformers' \
      MambaForCausalLM in float32, float16 or bfloat16 runs. Weights are mapped from model.safetensors; if that cannot be \
      used, the next format is, with a warning. Without tokenizer.json, tokens are bytes.

      TEXT is what the model goes on with. Without it, or with "-", it is read from standard input; the end of its last line \
      does not count.

      With --chat, each line of standard input is a turn, and the model answers with all in mind that was said before; an \
      empty line lets it go on. Ctrl-C ends an answer, Ctrl-D the talk. The version that is active at the beginning answers \
      to the end.

      mamba_multimodal answers a question about an image, PNG or JPEG, which is scaled to 96 x 96 pixels.

      The text goes to standard output, everything else to standard error.

      Exit codes: 0 done; 64 wrong usage; 65 the model cannot be run; 66 no such model, version or file; 130 interrupted.
      """)

  @Argument(
    help: "Name of a model, MODEL/VERSION, or path of a folder or weight file.",
    completion: StoreCompletion.versionsOfModels) var model: String
  @Argument(help: "The text to go on with; standard input if left out, or \"-\".") var text: String?
  @Option(help: "The same as TEXT; empty to begin a text.") var prompt: String?
  @Flag(help: "Talk: a line, an answer, and so on, until Ctrl-D.") var chat = false
  @Option(
    help: "A PNG or JPEG that the text is about; for mamba_multimodal.",
    completion: .file(extensions: ["png", "jpg", "jpeg"])) var image: String?
  @Option(help: "Version of the model instead of the active one.") var version: String?
  @Flag(help: "Write the text as it is made.") var stream = false
  @Flag(help: "Tell how long everything took.") var stats = false
  @Flag(help: "Print JSON; with --chat a line for each answer.") var json = false
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
    if text != nil && prompt != nil { throw ValidationError("the text is given twice, as an argument and as --prompt") }
  }

  func run() throws {
    let options = try options()
    let prompt = chat ? text ?? prompt : try PromptText.read(text ?? prompt, for: model)
    let (runtime, place) = try ModelPlace.with(model, version: version, of: store) { place in
      let runtime = try TextRuntime(place.location, follows: place.mayMove, threads: threads) {
        Console.error(place.shown($0))
      }
      return (runtime, place.shown)
    }
    let channels = runtime.current().weights.imageSize?.channels ?? 3
    let seen = try image.map { try ImageFile.read($0, channels: channels) }
    func report(_ generation: TextGeneration, _ text: String) throws {
      let report = GenerationReport(generation, text, weights: place(generation.model.weightFile))
      if json { try chat ? Console.print(jsonLine: report) : Console.print(json: report) }
      if stats && !json { Console.note(report.lines) }
    }
    if chat {
      var loop = try ChatLoop(streams: !json, report: report)
      return try loop.run(first: prompt) { try runtime.generate($0, image: seen, options: options) }
    }
    Interruption.watch()
    var generation = try runtime.generate(prompt ?? "", image: seen, options: options)
    var text = ""
    while let piece = try next(of: &generation) {
      if stream { Console.print(raw: piece) } else { text += piece }
    }
    if !json { Console.print(text) }
    try report(generation, text)
  }

  private func next(of generation: inout TextGeneration) throws -> String? {
    do {
      return try generation.next(isStopped: { Interruption.isRequested })
    } catch is CancellationError {
      throw CommandFailure(.interrupted, "interrupted")
    }
  }

  /// - Throws: `usage`, before the weights are read, which may take a while.
  private func options() throws -> SamplingOptions {
    var options = SamplingOptions()
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.repetitionPenalty = repetitionPenalty
    options.seed = seed
    options.stopStrings = stop
    options.maximumTokens = maxTokens
    try options.validate()
    return options
  }
}
