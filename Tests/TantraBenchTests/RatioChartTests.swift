import Foundation
import TantraBench
import TestSupport
import Testing

@Suite struct RatioChartTests {
  /// A report with a line for each of `ratios`, and one that was skipped.
  private func report(ratios: [Double]) throws -> BenchReport {
    let lines = ratios.enumerated().map { index, ratio in
      """
      {"name": "line-\(index)", "title": "Line \(index) (of some), 50% = half_\(index)", "against": "native",
       "unit": "bytesPerSecond", "wanted": {"direction": "atLeast", "value": 0.95},
       "outcome": "\(ratio >= 0.95 ? "met" : "missed")",
       "figures": {"ratio": {"median": \(ratio), "smallest": \(ratio / 2), "largest": \(ratio * 1.2)}, "rounds": [],
                   "parts": {}}}
      """
    }
    let skipped = """
      {"name": "skipped", "title": "Skipped", "against": "native", "unit": "bytes", "outcome": "skipped"}
      """
    let text = """
      {"tantra": "1", "modelBytes": 1048576, "tensors": 9, "rounds": 3, "lines": [\((lines + [skipped]).joined(separator: ","))],
       "environment": {"time": "", "kernel": "6.9", "cores": 2, "processor": "", "memoryBytes": 1, "fileSystem": "ext4",
                       "device": "", "isRoot": true, "load": 0, "variables": {}}}
      """
    return try JSONDecoder().decode(BenchReport.self, from: Data(text.utf8))
  }

  /// What a decoder other than ours finds: checks of the file, and the picture's height and colors.
  private static let decoder = """
    import struct, sys, zlib
    data = open(sys.argv[1], "rb").read()
    assert data[:8] == b"\\x89PNG\\r\\n\\x1a\\n", "signature"
    position, chunks = 8, []
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        body = data[position + 8:position + 8 + length]
        assert struct.unpack(">I", data[position + 8 + length:position + 12 + length])[0] == zlib.crc32(kind + body), kind
        chunks.append((kind, body))
        position += length + 12
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"], chunks
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert rest == [8, 2, 0, 0, 0], rest
    rows = zlib.decompress(chunks[1][1])
    stride = 1 + 3 * width
    assert len(rows) == height * stride, len(rows)
    assert all(rows[row * stride] == 0 for row in range(height)), "filters"
    assert width > 1000, width
    pixels = {rows[row * stride + 1 + 3 * column:][:3].hex() for row in range(height) for column in range(0, width, 3)}
    print(height, *sorted(pixels))
    """

  private func decode(_ chart: RatioChart) throws -> (height: Int, colors: Set<Substring>) {
    let scratch = try TemporaryFolder()
    let path = try scratch.write("chart.png", chart.png)
    let check = try Python.run(Self.decoder, [path])
    try #require(check.status == 0, "\(check.errorText)")
    let words = check.outputText.split(whereSeparator: \.isWhitespace)
    return (try #require(words.first.flatMap { Int($0) }), Set(words.dropFirst()))
  }

  @Test func everyMeasuredLineIsABarOfItsColor() throws {
    let both = try decode(RatioChart(report(ratios: [0.5, 1, 7.5])))
    // The legend has all colors; what is drawn besides it decides how high the picture is.
    #expect(both.colors.isSuperset(of: ["ffffff", "3d8b7d", "d98032", "8fa1b3", "b3261e"]), "\(both.colors)")
    let one = try decode(RatioChart(report(ratios: [0.5])))
    #expect(both.height - one.height == 2 * 27 * 3 / 2)
  }

  @Test func aReportWithoutRatiosIsAPictureToo() throws {
    #expect(try decode(RatioChart(report(ratios: []))).height > 200)
  }
}
