import TestSupport
import Testing

/// Tools that write through a shell's descriptors, which are duplicated and closed early and often.
@Suite("Promise 3: close tells the truth, to every tool", canMount, .onWaitingThreads) struct ShellToolTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture() }

  @Test(arguments: [
    "cat $IN/full/model.pt > small/v1.0/model.pt", "dd if=$IN/full/model.pt of=small/v1.0/model.pt bs=1000 status=none",
    "tee small/v1.0/model.pt < $IN/full/model.pt > /dev/null",
    "curl -s -o small/v1.0/model.pt file://$IN/full/model.pt",
    "{ head -c 700 $IN/full/model.pt 2> $OUT/half || true; tail -c +701 $IN/full/model.pt; } > small/v1.0/model.pt",
    "exec 5> small/v1.0/model.pt; cat $IN/full/model.pt >&5; exec 5>&-",
    "python -c 'import shutil, sys; shutil.copyfile(sys.argv[1], \"small/v1.0/model.pt\")' $IN/full/model.pt",
  ])
  func aFileIsPublishedByTheLastWord(of tool: String) throws {
    try mount.succeed(
      """
      mkdir -p small/v1.0
      \(tool)
      cmp $IN/full/model.pt small/v1.0/model.pt
      cmp $IN/full/model.pt small/v1.0/model.bin
      ls small/active/model.safetensors
      # Again, over what is published: the same weights are accepted.
      \(tool)
      cmp $IN/full/model.pt small/v1.0/model.pt
      """)
  }

  @Test func aSidecarIsReplacedOverAndOverWhileOthersLook() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0
      for looker in 1 2; do
        while [ ! -e $OUT/stop ]; do
          ls -l small/v1.0 > $OUT/listing.$looker; cat small/v1.0/config.json > $OUT/seen.$looker || true
        done &
      done 2> $OUT/complaints
      for number in $(seq 300); do
        echo $number > small/v1.0/config.json || { touch $OUT/stop; exit 1; }
        test "$(cat small/v1.0/config.json)" = $number || { touch $OUT/stop; exit 2; }
      done
      touch $OUT/stop; wait
      """)
  }

  @Test func aSidecarIsEditedInPlaceAndAppended() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0
      sed -i 's/4/8/' small/v1.0/config.json
      test "$(cat small/v1.0/config.json)" = '{"hidden_size": 8}'
      echo more >> small/v1.0/config.json
      test "$(tail -n 1 small/v1.0/config.json)" = more
      echo new > small/v1.0/config.json
      test "$(cat small/v1.0/config.json)" = new
      mkdir -p small/v1.0/a/b/c
      echo deep > small/v1.0/a/b/c/deep.txt
      test "$(cat small/v1.0/a/b/c/deep.txt)" = deep
      ls -R small/v1.0 | grep -q deep.txt
      cp -r small/v1.0 small/v1.1; rm -r small/v1.1/a; test ! -e small/v1.1/a
      """)
  }

  @Test func curlReadsByURL() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0
      curl -s -o $OUT/model.pt file://$MNT/small/active/model.pt
      cmp $OUT/model.pt $IN/full/model.pt
      curl -s -r 100-299 -o $OUT/part file://$MNT/small/v1.0/model.safetensors
      cmp $OUT/part <(tail -c +101 $IN/full/model.safetensors | head -c 200)
      """)
  }

  @Test func sumsOfAVersionCanBeCheckedWhereItLies() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0
      (cd $IN/full && sha256sum model.* config.json tokenizer/vocab.txt) > $OUT/sums
      (cd small/v1.0 && sha256sum --quiet -c $OUT/sums)
      (cd small/v1.0 && sha256sum --quiet -c $MNT/.control/versions/small/v1.0/SHA256SUMS)
      """)
  }

  @Test func activeIsSwitchedByALink() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1
      test "$(readlink small/active)" = v1.0
      ln -sfn v1.1 small/active
      test "$(readlink small/active)" = v1.1
      cmp $IN/other/model.pt small/active/model.pt
      ln -sfn ./v1.0/ small/active
      test "$(readlink small/active)" = v1.0
      ln -sfn $MNT/small/v1.1 small/active
      test "$(readlink small/active)" = v1.1
      ln -s v1.0 small/stable
      cmp $IN/full/model.pt small/stable/model.pt
      rm small/stable
      tantra history small | grep -q v1.1
      """)
    try mount.fail("ln -sfn v9 small/active", "No such file or directory", reason: "v9")
  }

  @Test func aVersionIsRemovedAndRestored() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1
      rm -r small/v1.1
      test ! -e small/v1.1
      echo small/v1.1 > .control/restore
      for file in model.safetensors model.pt config.json; do cmp $IN/other/$file small/v1.1/$file; done
      rm small/v1.1/model.pt
      test ! -e small/v1.1/model.pt
      cmp $IN/other/model.safetensors small/v1.1/model.safetensors
      rm -rf small/v1.1
      test ! -e small/v1.1
      """)
  }
}
