import TestSupport
import Testing

/// rsync and tar, which write under temporary names, set times and make links before what they point to.
@Suite("Promise 1: archives and mirrors", canMount, .onWaitingThreads) struct ArchivingTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture() }

  @Test func rsyncSendsNothingTheSecondTime() throws {
    try mount.succeed(
      """
      mkdir small
      rsync -a $IN/full/ small/v1.0/
      for file in $(cd $IN/full && find . -type f); do cmp $IN/full/$file small/v1.0/$file; done
      rsync -ai $IN/full/ small/v1.0/ > $OUT/second
      ! grep "^[<>]" $OUT/second
      """)
  }

  @Test func rsyncMirrorsAModelWithItsActiveLink() throws {
    try mount.succeed(
      """
      mkdir $OUT/model
      cp -r $IN/full $OUT/model/v1.0
      cp -r $IN/other $OUT/model/v1.1
      ln -s v1.1 $OUT/model/active
      rsync -a $OUT/model/ small/
      test "$(readlink small/active)" = v1.1
      cmp $IN/other/model.pt small/active/model.pt
      rsync -a small/ $OUT/copy/
      diff -r $OUT/copy small
      ! rsync -ai small/ $OUT/copy/ | grep '^[<>]'
      """)
  }

  @Test func rsyncDeletesWhatTheSourceHasNot() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/full small/v1.1
      echo extra > small/v1.1/extra.txt
      rsync -a --delete $IN/full/ small/v1.1/
      test ! -e small/v1.1/extra.txt
      cmp $IN/full/model.safetensors small/v1.1/model.safetensors
      """)
  }

  @Test func tarUnpacksTwice() throws {
    try mount.succeed(
      """
      mkdir $OUT/model; cp -r $IN/full $OUT/model/v1.0; ln -s v1.0 $OUT/model/active
      tar -C $OUT/model -cf $OUT/model.tar active v1.0
      mkdir small
      tar -C small -xf $OUT/model.tar
      for file in $(cd $IN/full && find . -type f); do cmp $IN/full/$file small/v1.0/$file; done
      cp -r small/v1.0 small/v1.1
      tar -C $IN/full -cf $OUT/version.tar .
      tar -C small/v1.1 -xf $OUT/version.tar
      tar -C small/v1.1 -xf $OUT/version.tar
      for file in $(cd $IN/full && find . -type f); do cmp $IN/full/$file small/v1.1/$file; done
      tar -cf $OUT/back.tar small
      mkdir $OUT/back; tar -C $OUT/back -xf $OUT/back.tar
      diff -r $OUT/back/small small
      """)
  }
}
