import Foundation
import TestSupport
import Testing

@Suite struct OcrTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model") }

  /// A folder with the active version of a shipped model.
  private func exported(_ model: String) throws -> String {
    try fixture.succeed("export", model, "--folder", "--to", fixture.scratch.path)
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: fixture.scratch.path).first {
        $0.hasPrefix(model + "_v")
      })
    return fixture.scratch(name)
  }

  private struct Odd: Decodable {
    var readable: Int
    var refused: Int
    var problems: [[Field]]
    var seconds: Double
    var megabytes: Double
  }

  /// A text or a number, for messages.
  private struct Field: Decodable, CustomStringConvertible {
    var description: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      do {
        description = try container.decode(String.self)
      } catch {
        description = "\(try container.decode(Double.self))"
      }
    }
  }

  @Test func imagesOfEveryKindAreReadOrRefusedSoon() throws {
    let output = try Python.oracle(
      "odd_images.py", [TantraFixture.executable, try exported("ocr_native")], isMeasured: true)
    let odd = try JSONDecoder().decode(Odd.self, from: Data(output.utf8))
    #expect(odd.problems.isEmpty, "\(odd.problems)")
    #expect(odd.readable >= 14 && odd.refused >= 10)
  }

  #if DEBUG
    /// Kernels that are not optimised take twenty times as long.
    private static let mostSecondsOfAPage = 120.0
  #else
    private static let mostSecondsOfAPage = 6.0
  #endif

  private struct Page: Decodable {
    var wrong: Double
    var lines: Int
    var ordered: Bool
    /// Of processor time.
    var seconds: Double
  }

  @Test func pagesAreReadInOrder() throws {
    let model = try exported("ocr_native")
    let output = try Python.oracle("pages.py", [TantraFixture.executable, model, "PDF"])
    let pages = try JSONDecoder().decode([String: Page].self, from: Data(output.utf8))
    #expect(pages.keys.sorted() == ["column", "columns", "pdf", "turned"])
    for (name, page) in pages {
      #expect(page.ordered && page.wrong < (name == "turned" ? 3 : 1), "\(name): \(page)")
      #expect(page.seconds < Self.mostSecondsOfAPage, "\(name): \(page)")
    }
  }

  private struct Report: Decodable {
    struct Box: Decodable {
      var left: Int
      var top: Int
      var width: Int
      var height: Int
    }
    struct Piece: Decodable {
      var text: String
      var box: Box
      var confidence: Double
      var words: [Piece]?
    }
    var width: Int
    var height: Int
    var weights: String
    var lines: [Piece]
  }

  @Test(canMount) func linesAndWordsOfAPageOfTheMountHaveBoxes() throws {
    try fixture.mount()
    let script = """
      import sys; from PIL import Image, ImageDraw, ImageFont
      font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 32)
      image = Image.new("RGB", (900, 300), "white"); pen = ImageDraw.Draw(image)
      pen.text((50, 40), "first words here", "black", font); pen.text((50, 180), "second", "navy", font)
      image.save(sys.argv[1])
      """
    let path = fixture.scratch("page.png")
    let made = try Python.run(script, [path])
    #expect(made.status == 0, "\(made.errorText)")
    let command = try Command.run(
      TantraFixture.executable, ["ocr", path, "--json"], environment: ["TANTRA_MOUNT": fixture.mountpoint])
    let report = try JSONDecoder().decode(Report.self, from: command.output)
    #expect(report.width == 900 && report.height == 300)
    #expect(report.weights.hasPrefix(fixture.mountpoint + "/ocr_native/"))
    #expect(report.lines.map(\.text) == ["first words here", "second"])
    #expect(report.lines.allSatisfy { (0.5...1).contains($0.confidence) })
    let first = try #require(report.lines.first)
    #expect(abs(first.box.left - 52) < 6 && (44...60).contains(first.box.top) && (20...40).contains(first.box.height))
    let words = try #require(first.words)
    #expect(words.map(\.text) == ["first", "words", "here"])
    #expect(zip(words, words.dropFirst()).allSatisfy { $0.box.left + $0.box.width <= $1.box.left + 6 })
  }

  @Test func exitCodesSayWhatWasWrong() throws {
    let model = try exported("mamba")
    let other = try fixture.tantra(["ocr", fixture.scratch("none.png"), "--model", model])
    #expect(other.status == 66 && other.errorText.contains("there is no such file"), "\(other.errorText)")
    let loss = model + "/loss.png"
    let wrong = try fixture.tantra(["ocr", loss, "--model", model])
    #expect(wrong.status == 65 && wrong.errorText.contains("expected \"ocr_native\""), "\(wrong.errorText)")
    #expect(try fixture.tantra(["ocr", loss, "--model", model, "--threads", "0"]).status == 64)
  }
}
