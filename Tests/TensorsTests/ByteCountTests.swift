import Tensors
import Testing

@Suite struct ByteCountTests {
  private static let texts: [String: Int] = [
    "1": 1, "1048576": 1_048_576, "12b": 12, "512M": 536_870_912, "2GiB": 2_147_483_648, "1.5g": 1_610_612_736,
    "100KB": 102_400, "3000000T": 3_298_534_883_328_000_000,
  ]

  @Test(arguments: texts)
  func textIsReadInPowersOf1024(text: String, expected: Int) { #expect(ByteCount(text)?.bytes == expected) }

  @Test(arguments: [
    "", "much", "3 GiB", "12Q", "0", "-5", "1.2.3M", "4194304T", "99999999999999999999", "1e3", "inf", "\u{661}",
  ])
  func anythingElseIsNoNumberOfBytes(text: String) { #expect(ByteCount(text) == nil) }

  @Test(arguments: [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (2_726_298, "2.6 MiB"), (5 << 30, "5.0 GiB"),
    (Int.max, "8388608.0 TiB"), (-1, "-1 B"),
  ])
  func theDescriptionHasOneDigitAfterThePoint(bytes: Int, expected: String) {
    #expect(ByteCount(bytes: bytes).description == expected)
  }
}
