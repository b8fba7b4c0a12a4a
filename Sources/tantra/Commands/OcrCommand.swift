import ArgumentParser
import Foundation
import TantraRuntime

/// `tantra ocr IMAGE [--json]`
struct OcrCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ocr",
    abstract: "Read the printed text of an image.",
    discussion: """
      IMAGE is a PNG or a JPEG of a page or a line: dark on bright or bright on dark, in printable ASCII. Its lines are printed \
      in reading order: columns from left to right, each from top to bottom; a table is read column by column.

      The reader is the active version of ocr_native in the mount at $TANTRA_MOUNT, or in the store if that is not set, \
      mounted or not; or it is what --model names: another model, MODEL/VERSION, or, if it holds a slash, the path of a folder \
      with config.json and weights, or of a weight file beside its config.json.

      The text goes to standard output, everything else to standard error. --json tells where lines and words are, in \
      pixels, and how sure the reader is, from 0 to 1.
      """)

  @Argument(help: "Path of a PNG or JPEG.", completion: .file(extensions: ["png", "jpg", "jpeg"])) var image: String
  @Option(
    help: "Name of a model, MODEL/VERSION, or path of a folder or weight file.",
    completion: StoreCompletion.versionsOfModels) var model = "ocr_native"
  @Option(help: "Version of the model instead of the active one.") var version: String?
  @Flag(help: "Print JSON.") var json = false
  @Option(help: "How many lines are read at once; as many as there are processors, up to 8, if left out.")
  var threads: Int?
  @OptionGroup var store: StoreOptions

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected 1 to 256, found \(threads)")
    }
  }

  func run() throws {
    let page = try ImageFile.read(image, channels: 1)
    let (loaded, weights) = try ModelPlace.with(model, version: version, of: store) { place in
      let loaded = try LoadedWeights<OcrWeights>(resolved: try place.location.resolved()) {
        Console.error(place.shown($0))
      }
      return (loaded, place.shown(loaded.weightFile))
    }
    let reader = PageReader(loaded.weights, threads: threads ?? min(8, ProcessInfo.processInfo.activeProcessorCount))
    let lines = try reader.read(page)
    if json {
      try Console.print(json: Report(image: image, page, weights: weights, lines))
    } else {
      for line in lines { Console.print(line.text) }
    }
  }

  private struct Report: Encodable {
    struct Piece: Encodable {
      var text: String
      var box: PixelBox
      var confidence: Float
      var words: [Piece]?

      init(_ reading: PageReader.Reading, isLine: Bool) {
        text = reading.text
        box = reading.box
        confidence = (reading.confidence * 10_000).rounded() / 10_000
        words = isLine ? reading.words.map { Piece($0, isLine: false) } : nil
      }
    }

    var image: String
    var width: Int
    var height: Int
    var weights: String
    var lines: [Piece]

    init(image: String, _ page: RasterImage, weights: String, _ lines: [PageReader.Reading]) {
      self.image = image
      width = page.width
      height = page.height
      self.weights = weights
      self.lines = lines.map { Piece($0, isLine: true) }
    }
  }
}
