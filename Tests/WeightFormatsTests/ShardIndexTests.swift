import Testing
import WeightFormats

/// Indices of shards: what they say is compared with what the shards hold.
@Suite struct ShardIndexTests {
  private func index(_ map: String) throws -> ShardIndex {
    try #require(ShardIndex(Array(#"{"metadata":{"total_size":8},"weight_map":\#(map)}"#.utf8)))
  }

  private let shards = [(file: "m-1", names: ["a", "b"]), (file: "m-2", names: ["c"])]

  @Test func anIndexThatNamesEveryTensorWithItsShardIsRight() throws {
    let index = try index(#"{"a":"m-1","b":"m-1","c":"m-2"}"#)
    #expect(index.files == ["m-1", "m-2"] && index.tensorCount == 3)
    #expect(index.mistake(comparedWith: shards) == nil)
  }

  @Test(
    arguments: [
      (#"{"a":"m-1","b":"m-2","c":"m-2"}"#, "tensor b is in m-2, but m-1 has it"),
      (#"{"a":"m-1","c":"m-2"}"#, "does not name tensor b of m-1"),
      (#"{"a":"m-1","b":"m-1","c":"m-2","d":"m-2"}"#, "tensor d is in m-2, which does not have it"),
      (#"{"a":"m-2","b":"m-1","c":"m-1"}"#, "tensor a is in m-2, but m-1 has it"),
    ])
  func theFirstMistakeIsNamed(_ map: String, _ mistake: String) throws {
    #expect(try index(map).mistake(comparedWith: shards)?.contains(mistake) == true)
  }

  /// As in Python's decoder.
  @Test func ofKeysThatOccurTwiceTheLastCounts() throws {
    #expect(try index(#"{"a":"m-2","a":"m-1","b":"m-1","c":"m-2"}"#).mistake(comparedWith: shards) == nil)
    let twice = ShardIndex(Array(#"{"weight_map":{"a":"x"},"weight_map":{"a":"m-1","b":"m-1","c":"m-2"}}"#.utf8))
    #expect(twice?.files == ["m-1", "m-2"])
  }

  @Test(
    arguments: [
      "", "{}", "[]", #"{"weight_map":{}}"#, #"{"weight_map":{"a":"../x"}}"#, #"{"weight_map":{"a":".x"}}"#,
      #"{"weight_map":{"a":1}}"#, #"{"weight_map":["a"]}"#, #"{"weight_map":{"a":"b"}"#, #"{"weight_map":{"a":"b"}}x"#,
    ])
  func whatIsNoIndexIsAFileLikeAnyOther(_ text: String) { #expect(ShardIndex(Array(text.utf8)) == nil) }
}
