import TestSupport
import Testing

/// Promise 1: what you copy in reads back byte for byte under the same name, and every other format appears at once.
@Suite("Promise 1: copying in", canMount, .onWaitingThreads) struct CopyingTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture() }

  @Test func aFileCopiedIntoANewFolderIsAVersion() throws {
    try mount.succeed(
      """
      mkdir small small/v1.0
      cp $IN/full/model.safetensors small/v1.0/
      cmp $IN/full/model.safetensors small/v1.0/model.safetensors
      cmp small/v1.0/model.pt small/active/model.bin
      test "$(readlink small/active)" = v1.0
      python -c 'import torch; assert len(torch.load("small/v1.0/model.pt", weights_only=True)) == 3'
      """)
  }

  @Test func aTorchFileThatIsCopiedInAppearsAsSafetensors() throws {
    try mount.succeed(
      """
      mkdir -p small/v1.0
      cp $IN/full/model.pt small/v1.0/model.pt
      cmp $IN/full/model.pt small/v1.0/model.pt
      cmp $IN/full/model.pt small/v1.0/model.bin
      python -c 'from safetensors.torch import load_file as l; assert len(l("small/v1.0/model.safetensors")) == 3'
      """)
  }

  @Test(arguments: ["full", "plain"], ["cp -r", "cp -a"])
  func aFolderIsCopiedInAndOverAndBack(folder: String, tool: String) throws {
    try mount.succeed(
      """
      mkdir small
      \(tool) $IN/\(folder) small/v1.0
      \(tool) $IN/\(folder)/. small/v1.0
      for file in $(cd $IN/\(folder) && find . -type f); do cmp $IN/\(folder)/$file small/v1.0/$file; done
      \(tool) small/v1.0 $OUT/back
      diff -r small/v1.0 $OUT/back
      \(tool) small/v1.0 small/v1.1
      \(tool) small/v1.0/. small/v1.1
      diff -r small/v1.0 small/v1.1
      tantra validate small
      """)
  }

  @Test func foldersAreLinkedIn() throws {
    // From a disk a link cannot reach in; within the mount it costs nothing.
    try mount.fail("mkdir small; cp -al $IN/full small/v1.0", "Invalid cross-device link")
    try mount.succeed(
      """
      cp -r $IN/full/. small/v1.0
      cp -al small/v1.0 small/v1.1
      diff -r small/v1.0 small/v1.1
      cp -al small/v1.0/. small/v1.1
      diff -r small/v1.0 small/v1.1
      cp -al small/v1.0 small/v1.2
      diff -r small/v1.0 small/v1.2
      rm -r small/v1.1
      diff -r small/v1.0 small/v1.2
      """)
  }

  @Test func aFolderIsLinkedWhileItsFilesAreReplaced() throws {
    // What is replaced is looked up again, by a link of it too, which then is not the making of it.
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0
      ( while test ! -e $OUT/done; do cp $IN/full/model.pt small/v1.0/; cp $IN/full/model.bin small/v1.0/; done ) & busy=$!
      trap 'touch $OUT/done; wait $busy' EXIT
      for turn in $(seq 40); do
        cp -al small/v1.0 small/copy$turn
        diff -r small/v1.0 small/copy$turn
      done
      cp -al small/active/. small/last
      cd small; mkdir v2; cd v2; ln ../v1.0/model.pt .; cmp model.bin $IN/full/model.pt
      """)
  }

  @Test(arguments: ["cp -r", "cp -a", "cp -al"]) func aModelIsCopiedWithItsLinks(tool: String) throws {
    // In whatever order its entries come: `active` comes by itself with the first version.
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1
      ln -sfn v1.1 small/active; ln -s v1.0 small/stable
      for turn in 1 2 3 4 5 6; do
        \(tool) small from$turn
        \(tool) from$turn to$turn
        test "$(readlink to$turn/active)" = v1.1
        test "$(readlink to$turn/stable)" = v1.0
        diff -r small to$turn
      done
      """)
    try mount.fail("ln -sn v1.0 small/active", "File exists")
    try mount.succeed("mkdir fresh; cp -r $IN/full fresh/v1.0; cp -r $IN/other fresh/v1.1; ln -sn v1.1 fresh/active")
    try mount.fail("ln -sn v1.0 fresh/active", "File exists")
  }

  @Test func installPutsAFileInPlaceAgainAndAgain() throws {
    try mount.succeed(
      """
      mkdir -p small/v1.0
      install -m 644 $IN/full/model.safetensors $IN/full/config.json small/v1.0/
      cmp $IN/full/model.safetensors small/v1.0/model.safetensors
      """)
    try mount.succeed(
      """
      install $IN/full/model.safetensors small/v1.0/model.safetensors
      cmp $IN/full/model.safetensors small/v1.0/model.safetensors
      cp -r small/v1.0 small/v1.1; tantra set-active small v1.0
      install $IN/full/model.safetensors small/v1.1/model.safetensors
      cmp $IN/full/model.safetensors small/v1.1/model.safetensors
      """)
    // install would remove the file before it writes it.
    try mount.fail("install $IN/full/model.safetensors small/v1.0/model.safetensors", "Operation not permitted")
  }

  @Test func mvMovesInOutAndWithin() throws {
    try mount.succeed(
      """
      mkdir -p small/v1.0
      cp -r $IN/full $OUT/moving
      mv $OUT/moving/model.pt small/v1.0/
      mv $OUT/moving/config.json $OUT/moving/tokenizer small/v1.0/
      test ! -e $OUT/moving/model.pt
      cmp $IN/full/model.pt small/v1.0/model.pt
      cp -r small/v1.0 small/v1.1
      mv small/v1.1 small/v2.0
      test ! -e small/v1.1
      diff -r small/v1.0 small/v2.0
      mv small/v2.0/config.json small/v2.0/renamed.json
      cmp $IN/full/config.json small/v2.0/renamed.json
      mv small/v2.0 $OUT/taken
      cmp $IN/full/model.pt $OUT/taken/model.pt
      test ! -e small/v2.0
      """)
  }

  @Test func timesAreKept() throws {
    try mount.succeed(
      """
      mkdir small
      touch -d '2020-02-03 04:05:06.789' $IN/full/model.safetensors $IN/full/config.json
      cp -a $IN/full small/v1.0
      test "$(stat -c %Y small/v1.0/model.safetensors)" = "$(stat -c %Y $IN/full/model.safetensors)"
      test "$(stat -c %Y small/v1.0/config.json)" = "$(stat -c %Y $IN/full/config.json)"
      """)
  }
}
