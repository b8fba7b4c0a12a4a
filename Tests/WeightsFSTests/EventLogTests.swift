import Logging
import StoreRecords
import Testing
import WeightsFS

/// What this process keeps of its own doings: the log and the counters.
@Suite struct EventLogTests {
  private func text(_ events: EventLog) -> String { String(decoding: events.contents, as: UTF8.self) }

  @Test func whatGoesWithAnEventIsWritten() {
    let events = EventLog()
    var logger = Logger(label: "test") { _ in EventLogHandler(events) }
    logger[metadataKey: "store"] = "/srv/store"
    logger.info("import", metadata: ["version": "v1.1", "why": "two words \"quoted\"", "lines": "a\nb"])
    #expect(
      text(events).hasSuffix(
        "info import lines=\"a\\nb\" store=/srv/store version=v1.1 why=\"two words \\\"quoted\\\"\"\n"),
      "\(text(events))")
  }

  @Test func theLogKeepsAThousandLines() {
    let events = EventLog()
    let logger = Logger(label: "test") { _ in EventLogHandler(events) }
    for number in 0..<3000 { logger.info("event \(number)") }
    let lines = text(events).split(separator: "\n")
    #expect(lines.count == 1000)
    #expect(lines.first?.hasSuffix("event 2000") == true && lines.last?.hasSuffix("event 2999") == true)
  }

  @Test func theLogKeepsAMegabyteHoweverLongItsLines() {
    let events = EventLog()
    let logger = Logger(label: "test") { _ in EventLogHandler(events) }
    for number in 0..<200 { logger.info("\(String(repeating: "x", count: 20_000)) \(number)") }
    logger.info("\(String(repeating: "y", count: 10 << 20))")
    #expect(events.contents.count <= 1 << 20)
    #expect(text(events).contains(" 199\n"))
    #expect(text(events).hasSuffix(" bytes)\n"))
  }

  @Test func countersOfManyVersionsAreFoldedAndNoneIsLost() {
    let metrics = Metrics()
    let model = ModelName(unchecked: "mamba")
    let number = 3 * Metrics.capacity
    for index in 0..<number {
      metrics.read(.init(model: model, version: VersionName(unchecked: "v\(index)"), view: "pt"), bytes: 2)
    }
    let lines = metrics.text.split(separator: "\n").filter { $0.hasPrefix("tantra_read_bytes_total") }
    #expect(lines.count <= Metrics.capacity + 1)
    #expect(lines.compactMap { Int($0.split(separator: " ").last ?? "") }.reduce(0, +) == 2 * number)
    #expect(lines.last?.hasPrefix("tantra_read_bytes_total{model=\"(other)\"") == true)
    #expect(metrics.text.contains("version=\"v\(number - 1)\""))
  }
}
