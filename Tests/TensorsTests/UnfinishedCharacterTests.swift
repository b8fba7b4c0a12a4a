import Tensors
import Testing

@Suite struct UnfinishedCharacterTests {
  @Test(arguments: ["a", "é", "€", "😀"])
  func aCharacterIsUnfinishedUntilItsLastByte(character: String) {
    let bytes = Array(character.utf8)
    for count in 0..<bytes.count {
      #expect((Array("x".utf8) + bytes.prefix(count)).unfinishedCharacterByteCount == count)
      #expect(Array(bytes.prefix(count)).unfinishedCharacterByteCount == count)
    }
    #expect(bytes.unfinishedCharacterByteCount == 0)
  }

  @Test func whatBeginsNoCharacterIsNotWaitedFor() {
    #expect([UInt8]().unfinishedCharacterByteCount == 0)
    #expect([UInt8](repeating: 0x80, count: 5).unfinishedCharacterByteCount == 0)
  }
}
