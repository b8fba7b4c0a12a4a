import Glibc
import PosixIO
import Synchronization

/// Reads a page: its lines in reading order, with where they are and how sure the reader is.
package struct PageReader: Sendable {
  /// A line or a word that was read.
  package struct Reading: Sendable, Hashable {
    package var text: String
    /// Where its ink is, in the page's pixels. Of a page that was not level, in the pixels of the page made level.
    package var box: PixelBox
    /// The geometric mean of its characters' probabilities.
    package var confidence: Float
    /// Of a line: its words.
    package var words: [Reading] = []
  }

  /// Pages with more pixels are halved, as often as it takes.
  private static let comfortablePixels = 9_000_000
  /// What is read with less confidence is no text: specks, pictures.
  private static let leastConfidence: Float = 0.6
  /// The same for lines less than half as high as others.
  private static let leastConfidenceOfLowLines: Float = 0.9
  /// Pieces of ink smaller than this share of a letter are specks: the first is less than a stop, the second what noise makes.
  private static let stopSize = 0.13
  private static let noiseSize = 0.3
  /// Paper left and right of a line, in columns of the line's image.
  private static let margin = 4

  private let weights: OcrWeights
  private let threads: Int

  /// - Parameter threads: how many lines are read at once.
  package init(_ weights: OcrWeights, threads: Int) {
    self.weights = weights
    self.threads = max(1, threads)
  }

  /// The lines of a grey page; none if it is blank. What is read with little confidence is left out.
  package func read(_ page: RasterImage) throws -> [Reading] {
    var small = page
    while small.width * small.height > Self.comfortablePixels, small.width > 1, small.height > 1 {
      small = small.halved
    }
    guard let ink = PageInk(small)?.levelled() else { return [] }
    let image = ink.image
    let pieces = InkPieces(ink.mask, width: image.width, height: image.height)
    // Where there are more specks than letters, it is noise, which grows larger than a stop.
    let isNoisy = ink.isNoisy || pieces.specks(below: Self.stopSize) > 3
    let mask = pieces.mask(
      height: image.height, withoutSpecksBelow: isNoisy ? Self.noiseSize : Self.stopSize)
    let splitter = LineSplitter(mask: mask, width: image.width, height: image.height)
    var boxes = splitter.lines()
    if isNoisy {
      // A stop at a line's end went with the noise.
      let more = splitter.lineHeight / 3
      for index in boxes.indices {
        let (left, right) = (max(0, boxes[index].left - more), min(image.width, boxes[index].right + more))
        boxes[index].left = left
        boxes[index].width = right - left
      }
    }
    let heights = boxes.map(\.height).sorted()
    let usual = heights.isEmpty ? 0 : heights[heights.count / 2]
    let scale = page.width / small.width
    return try readings(of: boxes) { box, session in
      try read(box, of: image, usualHeight: usual, scale: scale, session)
    }.filter { reading in
      let isLow = 2 * reading.box.height < usual * scale
      return reading.confidence >= (isLow ? Self.leastConfidenceOfLowLines : Self.leastConfidence)
    }
  }

  private func readings(
    of boxes: [PixelBox], _ read: @Sendable (PixelBox, OcrSession) throws -> Reading?
  ) throws -> [Reading] {
    struct Outcome {
      var readings: [Reading?]
      var next = 0
      var failure: (any Error)?
    }
    let outcome = Mutex(Outcome(readings: Array(repeating: nil, count: boxes.count)))
    ParallelWork.run(min(threads, boxes.count)) {
      do {
        let session = try OcrSession(weights)
        while let index = outcome.withLock({ outcome -> Int? in
          guard outcome.failure == nil, outcome.next < boxes.count else { return nil }
          outcome.next += 1
          return outcome.next - 1
        }) {
          let reading = try read(boxes[index], session)
          outcome.withLock { $0.readings[index] = reading }
        }
      } catch {
        outcome.withLock { $0.failure = $0.failure ?? error }
      }
    }
    return try outcome.withLock { outcome in
      if let failure = outcome.failure { throw failure }
      return outcome.readings.compactMap { $0 }
    }
  }

  /// Nil if nothing was read.
  private func read(
    _ box: PixelBox, of image: RasterImage, usualHeight: Int, scale: Int, _ session: OcrSession
  ) throws -> Reading? {
    let cut = LineCut(box, usualHeight: usualHeight, rows: weights.configuration.imageHeight, margin: Self.margin)
    let symbols = try session.read(cut.line(of: image))
    let isSpace = symbols.map { weights.characters[$0.index - 1] == " " }
    let words = symbols.indices.split { isSpace[$0] }.map { symbols[($0.first ?? 0)...($0.last ?? 0)] }
    guard let first = words.first, let last = words.last else { return nil }
    let stretches = stretches(of: words, in: box, of: image, cut)
    var line = reading(symbols[first.startIndex..<last.endIndex], box, scale)
    line.words = zip(words, stretches).map { word, stretch in
      let part = PixelBox(left: stretch.lowerBound, top: box.top, width: stretch.count, height: box.height)
      return reading(word, part, scale)
    }
    return line
  }

  private func reading(_ symbols: ArraySlice<CTCDecoder.Symbol>, _ box: PixelBox, _ scale: Int) -> Reading {
    let confidence = symbols.reduce(Float(0)) { $0 + logf(max($1.confidence, 1e-9)) } / Float(max(1, symbols.count))
    return Reading(
      text: String(symbols.map { weights.characters[$0.index - 1] }),
      box: PixelBox(
        left: box.left * scale, top: box.top * scale, width: box.width * scale, height: box.height * scale),
      confidence: expf(confidence))
  }

  /// The columns that hold the ink of each word. The steps at which characters are recognised lie somewhere in them; the
  /// widest gap between those of two words is where one ends.
  private func stretches(
    of words: [ArraySlice<CTCDecoder.Symbol>], in box: PixelBox, of image: RasterImage, _ cut: LineCut
  ) -> [Range<Int>] {
    let hasInk = (box.left..<box.right).map { column in
      (box.top..<box.bottom).contains { image.values[$0 * image.width + column] >= PageInk.threshold }
    }
    func column(_ step: Int) -> Int { max(box.left, min(box.right, cut.column(Double(step * weights.stride)))) }
    var ends: [Int] = []
    for (word, next) in zip(words, words.dropFirst()) {
      let from = column(word.last?.steps.lowerBound ?? 0)
      let to = max(from, column(next.first?.steps.upperBound ?? 0))
      var (gap, start) = (from..<from, from)
      for at in from..<to where hasInk[at - box.left] || at == to - 1 {
        if at - start > gap.count { gap = start..<at }
        start = at + 1
      }
      ends.append((gap.lowerBound + gap.upperBound) / 2)
    }
    return zip([box.left] + ends, ends + [box.right]).map { start, end in
      guard start < end else { return start..<start + 1 }
      let inked = (start..<end).filter { hasInk[$0 - box.left] }
      return (inked.first ?? start)..<(inked.last ?? end - 1) + 1
    }
  }
}
