import StoreRecords
import Testing

@Suite struct NameTests {
  @Test(arguments: ["mamba", "v1.0", "a", "9", "A_b-c+d.e", String(repeating: "x", count: 128)])
  func validNames(text: String) { #expect(ModelName(text)?.text == text) }

  @Test(arguments: [
    "", ".", "..", ".hidden", "-x", "_x", "a/b", "a b", "a\0", "ä", "a\u{301}", String(repeating: "x", count: 129),
  ])
  func invalidNames(text: String) {
    #expect(ModelName(text) == nil)
    #expect(throws: StoreError.self) { try VersionName(validating: text) }
  }

  @Test func activeIsReservedForVersionsOnly() {
    #expect(VersionName("active") == nil)
    #expect(ModelName("active") != nil)
  }

  @Test func versionsSortNaturally() {
    let sorted = ["v1.0", "v1.2", "v1.10", "v2", "v10", "va"]
    #expect(sorted.shuffled().compactMap { VersionName($0) }.sorted().map(\.text) == sorted)
  }

  @Test func orderIsTotalEvenForEqualNumbers() {
    #expect(NaturalOrder.precedes("v01", "v1") != NaturalOrder.precedes("v1", "v01"))
    #expect(!NaturalOrder.precedes("v1", "v1"))
  }

  @Test func professionalNamesHaveEveryReading() {
    let readings = ProfessionalName.readings(of: "mamba_multimodal_v1.0_pt.pt")
    #expect(
      readings.map { "\($0.model)|\($0.version)|\($0.view)" } == [
        "mamba_multimodal|v1.0|pt", "mamba|multimodal_v1.0|pt",
      ])
    #expect(ProfessionalName.readings(of: "model.pt").isEmpty)
    #expect(ProfessionalName.readings(of: "_v1_pt.pt").isEmpty)
  }

  @Test func aNearNameIsSuggested() {
    #expect(NearMatch.hint(for: "mambo", among: ["mamba", "ocr_native"]) == "; did you mean \"mamba\"?")
    #expect(NearMatch.hint(for: "zzzz", among: ["mamba"]) == "; there is mamba")
    // Two letters exchanged are one mistake, and likelier than one forgotten.
    #expect(NearMatch.hint(for: "stauts", among: ["stats", "status"]) == "; did you mean \"status\"?")
    #expect(NearMatch.hint(for: "sats", among: ["status", "stats"]) == "; did you mean \"stats\"?")
    #expect(NearMatch.hint(for: "MAMBA", among: ["mamba"]) == "; did you mean \"mamba\"?")
  }
}
