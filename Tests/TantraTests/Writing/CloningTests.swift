import Foundation
import TestSupport
import Testing

/// Promise 9: copies inside the mount cost metadata only.
@Suite("Promise 9: copies inside", canMount) struct CloningTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture() }

  /// What the store's files take, in bytes, as `du` counts them.
  private func usage() throws -> Int {
    try #require(Int(try mount.succeed("du -sB1 --apparent-size $TANTRA_STORE | cut -f 1").dropLast()))
  }

  @Test(arguments: ["cp -r", "cp -a", "cp -al"])
  func aCopyOfAVersionTakesNoSpaceAndNoTime(tool: String) throws {
    // As many bytes as make a copy that is not a clone slow and visible.
    try mount.succeed(
      """
      python - $OUT <<'PYTHON'
      import sys, torch
      from safetensors.torch import save_file
      generator = torch.Generator().manual_seed(1)
      weights = {f"layer.{i}": torch.empty(1 << 22).uniform_(generator=generator) for i in range(16)}
      save_file(weights, sys.argv[1] + "/model.safetensors", metadata={"format": "pt"})
      PYTHON
      mkdir -p big/v1.0; cp $OUT/model.safetensors big/v1.0/; rm $OUT/model.safetensors
      cp $IN/full/config.json big/v1.0/
      """)
    let before = try usage()
    let blobs = try mount.storedBytes
    let seconds = try mount.succeed(
      "start=$(date +%s%N); \(tool) big/v1.0 big/v1.2; echo $(( ($(date +%s%N) - start) / 1000000 ))")
    print(
      "\(tool) of 256 MiB in three formats: \(seconds.dropLast()) ms, the store grew by \(try usage() - before) bytes")
    #expect(try usage() - before < 10_000)
    #expect(try mount.storedBytes == blobs)
    try mount.succeed("cmp big/v1.0/model.pt big/v1.2/model.pt; cmp big/v1.0/config.json big/v1.2/config.json")
  }
}
