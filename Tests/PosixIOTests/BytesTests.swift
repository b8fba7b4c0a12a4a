import PosixIO
import SystemPackage
import TestSupport
import Testing

@Suite struct BytesTests {
  private enum Failure: Error { case expected }

  @Test func whatIsThrownKeepsItsType() {
    do throws(Failure) {
      _ = try [UInt8](upTo: 3) { (_) throws(Failure) in throw .expected }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error == .expected)
    }
    do throws(Failure) {
      var bytes: [UInt8] = [1]
      try bytes.withMutableBytes { (_) throws(Failure) in throw .expected }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error == .expected)
    }
  }

  @Test func anArrayHasAsManyBytesAsWereFilled() {
    let bytes = [UInt8](upTo: 5) { buffer in
      buffer[0] = 7
      buffer[1] = 8
      return 2
    }
    #expect(bytes == [7, 8])
  }

  @Test func whatIsWrittenIsReadAndTheEndOfTheFileIsTheEnd() throws {
    let scratch = try TemporaryFolder()
    let file = try Folder.open(scratch.path).makeFile("file", exclusively: true)
    try file.write([1, 2, 3, 4], at: 3)
    #expect(try file.read(at: 2, count: 3) == [0, 1, 2])
    #expect(try file.read(at: 5, count: 100) == [3, 4])
    #expect(try file.read(at: 100, count: 1).isEmpty)
    #expect(try file.read(at: 5, count: .max) == [3, 4])
    #expect(try file.read(at: .max, count: .max).isEmpty)
    #expect(try file.read(at: 0, count: -1).isEmpty)
    try file.write([], at: 0)
    #expect(try file.status().size == 7)
  }

  @Test func failuresOfTheSystemComeThrough() throws {
    let scratch = try TemporaryFolder()
    let file = try OpenedFile.open(scratch.write("file", [1]))
    let writing = #expect(throws: PosixError.self) { try file.write([1], at: 0) }
    #expect(writing?.errno == .badFileDescriptor)
    let reading = #expect(throws: PosixError.self) { try file.read(at: -1, count: 1) }
    #expect(reading?.errno == .invalidArgument)
  }
}
