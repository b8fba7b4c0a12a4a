import Foundation
import TestSupport
import Testing
import WeightsFS

/// Files beside the weights: what would run code when it is unpickled does not open.
@Suite struct QuarantineTests {
  let fixture: TreeFixture
  private static let code = Array("cos\nsystem\n(S'true'\ntR.".utf8)
  private static let data = Array("(lp0\nI1\na.".utf8)

  init() throws { fixture = try TreeFixture() }

  @Test(arguments: ["mamba/v1.0/notes.txt", "mamba/v1.0/model.PT", "mamba/v1.0/a", "mamba/v1.0/.b", "mamba/README.md"])
  func theContentDecidesAndNotTheName(path: String) throws {
    try fixture.put(Self.code, at: path)
    #expect(fixture.failure { _ = try fixture.open(path) }?.errno == EACCES)
    try fixture.put(Self.data, at: path)
    #expect(try fixture.contents(path) == Self.data)
    try fixture.put(Self.code, at: path)
    #expect(fixture.failure { _ = try fixture.open(path) }?.errno == EACCES)
  }

  /// Whoever wrote a file may go on writing to it.
  @Test func aFileThatChangesIsJudgedAgain() throws {
    let path = "mamba/v1.0/.draft"
    let writer = try fixture.openForWriting(path)
    try fixture.write(Self.data + [UInt8](repeating: 0, count: 40), to: writer)
    try fixture.tree.flush(writer.handle) { false }
    let reader = try fixture.open(path)
    fixture.tree.release(reader.handle)
    try fixture.write(Self.code, to: writer)
    try fixture.close(writer)
    #expect(fixture.failure { _ = try fixture.open(path) }?.errno == EACCES)
  }
}
