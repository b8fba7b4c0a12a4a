import FoundationEssentials
package import WeightFormats

/// Runs a version on the input that its golden.json gives, and compares what comes out with what should.
///
/// golden.json is a sidecar, an object with
///
/// - `tokens`: of a model of text, what it reads: `[72, 105]`
/// - `image`: of a model that sees, what it sees: `{"width": 96, "height": 96, "channels": 3, "pixels": "<base64>"}`
/// - `logits`: the scores of the whole vocabulary after the last token; of a reader of lines those of each step, one step
///   after the other
/// - `tolerance`: by how much scores may differ (1e-4 if absent), times the largest score, or 1 if that is larger
package enum GoldenCheck {
  /// The largest golden.json that is read, in bytes.
  package static let byteLimit = 16 << 20
  /// The most tokens that it may have.
  package static let tokenLimit = 4096
  /// The most pixels that its image may have.
  private static let pixelLimit = 1 << 20

  private struct Golden: Decodable {
    var tokens: [Int32]?
    var image: Image?
    var logits: [Float]
    var tolerance: Float?
  }

  private struct Image: Decodable {
    var width: Int
    var height: Int
    var channels: Int
    var pixels: Data
  }

  /// - Parameter weights: any view of the version's weights; copied into memory.
  /// - Returns: what was found if all is well.
  /// - Throws: what is wrong.
  package static func check(
    golden bytes: [UInt8], configuration: [UInt8], weights: any ByteSource
  ) throws -> String {
    let golden = try parsed(bytes)
    let image = try golden.image.map(raster)
    let checkpoint = try Checkpoint.copy(weights)
    let (scores, input) =
      try isReader(configuration)
      ? readerScores(image, try OcrWeights(configuration: configuration, checkpoint: checkpoint))
      : textScores(golden.tokens ?? [], image, try MambaWeights(configuration: configuration, checkpoint: checkpoint))
    guard golden.logits.count == scores.count else {
      throw RuntimeError(.badData, "golden.json: expected \(scores.count) logits, found \(golden.logits.count)")
    }
    let largest = max(1, golden.logits.reduce(0) { max($0, abs($1)) })
    let tolerance = golden.tolerance ?? 1e-4
    let difference = zip(golden.logits, scores).reduce(0) { max($0, abs($1.0 - $1.1)) }
    guard difference <= tolerance * largest else {
      throw RuntimeError(
        .badData,
        "golden.json: expected its logits within \(tolerance * largest), found one that differs by \(difference)")
    }
    return "\(input) the golden logits within \(difference)"
  }

  private static func parsed(_ bytes: [UInt8]) throws -> Golden {
    guard bytes.count <= byteLimit else {
      throw RuntimeError(.badData, "golden.json: expected at most \(byteLimit) bytes, found \(bytes.count)")
    }
    let golden: Golden
    do {
      golden = try JSONDecoder().decode(Golden.self, from: Data(JSONReader.keepingLastMembers(of: bytes)))
    } catch {
      throw RuntimeError(
        .badData, "golden.json: expected an object with logits, and tokens or an image or both")
    }
    let tokens = golden.tokens ?? []
    guard tokens.count <= tokenLimit, golden.tolerance ?? 0 >= 0, golden.image != nil || !tokens.isEmpty else {
      throw RuntimeError(
        .badData, "golden.json: expected 1 to \(tokenLimit) tokens or an image, and no negative tolerance")
    }
    return golden
  }

  private static func raster(_ image: Image) throws -> RasterImage {
    let (pixels, isLarge) = image.width.multipliedReportingOverflow(by: image.height)
    guard image.width > 0, image.height > 0, !isLarge, pixels <= pixelLimit, image.channels == 1 || image.channels == 3,
      image.pixels.count == pixels * image.channels
    else {
      throw RuntimeError(
        .badData,
        "golden.json: expected an image of at most \(pixelLimit) pixels, of 1 or 3 channels, and as many bytes as it says"
      )
    }
    return RasterImage(width: image.width, height: image.height, channels: image.channels, values: Array(image.pixels))
  }

  private static func isReader(_ configuration: [UInt8]) -> Bool {
    do throws(ConfigurationFields.Problem) {
      return try ConfigurationFields(parsing: configuration).string("model_type") == "ocr_native"
    } catch {
      // The weights' own check says what is wrong.
      return false
    }
  }

  private static func readerScores(_ image: RasterImage?, _ weights: OcrWeights) throws -> ([Float], String) {
    guard let image, image.channels == 1 else {
      throw RuntimeError(.badData, "golden.json: expected a grey image, which is what a reader of lines takes")
    }
    let scores = try OcrSession(weights).scores(of: LineImage(image))
    return (scores, "a line of \(image.width) x \(image.height) pixels gives")
  }

  private static func textScores(
    _ tokens: [Int32], _ image: RasterImage?, _ weights: MambaWeights
  ) throws -> ([Float], String) {
    guard !tokens.isEmpty else { throw RuntimeError(.badData, "golden.json: expected tokens, found none") }
    let session = try MambaSession(weights)
    if let image { try session.see(image) }
    try session.prefill(tokens)
    let seen = image == nil ? "" : "an image and "
    return (Array(session.logits), "\(seen)\(tokens.count) tokens give")
  }
}
