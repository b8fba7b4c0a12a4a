import PosixIO
import SystemPackage
import TestSupport
import Testing

@Suite struct SystemFileTests {
  @Test func filesWithoutASizeAreReadWhole() throws {
    let text = String(decoding: try SystemFile.read("/proc/self/smaps"), as: UTF8.self)
    #expect(text.utf8.count > 20_000 && text.hasSuffix("\n"))
    #expect(throws: PosixError.self) { try SystemFile.read("/proc/self/nothing") }
  }

  @Test func onlyAFileThatIsThereIsWritten() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.write("file", Array("12345".utf8))
    try SystemFile.write("ab", to: path)
    #expect(try scratch.read("file") == Array("ab345".utf8))
    let error = #expect(throws: PosixError.self) { try SystemFile.write("ab", to: scratch("other")) }
    #expect(error?.errno == .noSuchFileOrDirectory)
  }
}
