import Foundation
import PosixIO
import TestSupport
import Testing

@Suite struct DetachedReadTests {
  private let scratch: TemporaryFolder

  init() throws { scratch = try TemporaryFolder() }

  @Test(arguments: [0, 5, 4092, 100_000, 3 << 20]) func whatAFileHoldsComes(byteCount: Int) throws {
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let path = try scratch.write("file", bytes)
    #expect(try DetachedRead(contentsOf: path).answer() == .bytes(bytes))
    #expect(try DetachedRead(statusOf: path).answer() == .bytes([]))
    #expect(try DetachedRead(attribute: "user.none", of: path).answer() == .failure(errno: ENODATA))
  }

  @Test func whatIsNotThereIsAnError() throws {
    #expect(try DetachedRead(contentsOf: scratch("none")).answer() == .failure(errno: ENOENT))
    #expect(try DetachedRead(statusOf: scratch("none")).answer() == .failure(errno: ENOENT))
    #expect(try DetachedRead(contentsOf: scratch.path).answer() == .failure(errno: EISDIR))
  }

  /// A pipe that nobody writes to is not opened, however long one waits.
  @Test func whatNeverComesIsGivenUp() throws {
    let path = scratch("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    do {
      let question = try DetachedRead(contentsOf: path)
      let start = ContinuousClock.now
      #expect(question.answer(before: start + .milliseconds(200)) == nil)
      #expect(ContinuousClock.now - start >= .milliseconds(200))
      #expect(try DetachedRead(statusOf: path).answer() == .bytes([]))
      // It still asks, and an answer that comes late counts.
      let writer = open(path, O_WRONLY)
      #expect(write(writer, "late", 4) == 4)
      close(writer)
      #expect(question.answer() == .bytes(Array("late".utf8)))
    }
  }

  /// Nobody asks any longer than somebody wants to know.
  @Test func whoAsksForNobodyIsEnded() throws {
    let path = scratch("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    do { _ = try DetachedRead(contentsOf: path).answer(before: .now + .milliseconds(50)) }
    // Without a reader a writer that does not wait gets ENXIO.
    let isAlone = eventually {
      let writer = open(path, O_WRONLY | O_NONBLOCK)
      guard writer >= 0 else { return errno == ENXIO }
      close(writer)
      return false
    }
    #expect(isAlone)
  }
}
