import Tensors
import Testing

@Suite struct DigestTests {
  @Test func emptyInputHasTheKnownDigest() {
    #expect(Digest(of: []).hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test func hexadecimalRoundTrips() throws {
    let digest = Digest(of: Array("abc".utf8))
    #expect(digest == Digest(hexadecimal: digest.hexadecimal))
    #expect(Digest(hexadecimal: digest.hexadecimal.uppercased()) == nil)
    #expect(Digest(hexadecimal: digest.hexadecimal.dropLast()) == nil)
    #expect(Digest(hexadecimal: digest.hexadecimal + "0") == nil)
  }
}
