import TestSupport
import Testing

/// Promise 6: every open through `active` is one version or the other, whoever publishes and switches meanwhile.
@Suite("Promise 6: switching under load", canMount, .onWaitingThreads) struct ConcurrencyTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1")
  }

  @Test func twoWritersFourReadersAndAThousandSwitches() throws {
    let seen = try mount.succeed("python $ORACLES/mount_load.py $MNT/small $IN 1000")
    print(seen)
  }

  @Test func twoWritersOfOneFileLeaveOneOfThem() throws {
    try mount.succeed(
      """
      mkdir small/v2
      for turn in 1 2 3 4 5; do
        cp $IN/full/model.safetensors small/v2/model.safetensors 2> $OUT/a & first=$!
        cp $IN/other/model.safetensors small/v2/model.safetensors 2> $OUT/b & second=$!
        ok=0; wait $first && ok=$((ok + 1)); wait $second && ok=$((ok + 1))
        test $ok -ge 1
        cmp -s small/v2/model.safetensors $IN/full/model.safetensors ||
          cmp small/v2/model.safetensors $IN/other/model.safetensors
        rm -r small/v2; mkdir small/v2
      done
      """)
  }
}
