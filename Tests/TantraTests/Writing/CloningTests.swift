import Foundation
import TestSupport
import Testing

/// Promise 9: copies inside the mount cost metadata only.
@Suite("Promise 9: copies inside", canMount, .onWaitingThreads) struct CloningTests {
  let mount: WritingFixture
  /// As many bytes as make a copy that is not a clone slow and visible; TANTRA_TEST_CLONE_BYTES takes more.
  private let bytes = ProcessInfo.processInfo.environment["TANTRA_TEST_CLONE_BYTES"].flatMap { Int($0) } ?? 256 << 20

  init() throws { mount = try WritingFixture() }

  /// What the store's files take, in bytes, as `du` counts them.
  private func usage() throws -> Int {
    try #require(Int(try mount.succeed("du -sB1 --apparent-size $TANTRA_STORE | cut -f 1").dropLast()))
  }

  /// Copies `big/v1.0` and answers how many milliseconds that took.
  private func copy(with tool: String, to version: String) throws -> Int {
    let took = try mount.succeed(
      "start=$(date +%s%N); \(tool) big/v1.0 big/\(version); echo $(( ($(date +%s%N) - start) / 1000000 ))")
    return try #require(Int(took.dropLast()))
  }

  @Test(arguments: ["cp -r", "cp -a", "cp -al"], [1, 4])
  func aCopyOfAVersionTakesNoSpaceAndNoTime(tool: String, shards: Int) throws {
    try mount.succeed(
      """
      mkdir $OUT/big; python $ORACLES/big_safetensors.py $OUT/big \(bytes) \(shards)
      mkdir -p big/v1.0; cp $OUT/big/* big/v1.0/; rm -r $OUT/big
      cp $IN/full/config.json big/v1.0/
      """)
    let before = try usage()
    let blobs = try mount.storedBytes
    let milliseconds = [try copy(with: tool, to: "v1.2"), try copy(with: tool, to: "v1.3")]
    let growth = (try usage() - before) / milliseconds.count
    print(
      "\(tool) of \(bytes >> 20) MiB in three formats and \(shards) shards: \(milliseconds) ms, the store grew by \(growth) bytes"
    )
    #expect(growth < 10_000)
    #expect(try mount.storedBytes == blobs)
    #expect(milliseconds.min() ?? .max < 1000)
    try mount.succeed(
      """
      cmp big/v1.0/model.pt big/v1.2/model.pt; cmp big/v1.0/config.json big/v1.2/config.json
      diff <(ls big/v1.0) <(ls big/v1.2)
      for file in big/v1.0/model*; do cmp $file big/v1.3/${file##*/}; done
      """)
  }
}
