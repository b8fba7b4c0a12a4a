import TestSupport
import Testing

/// A folder in a version is renamed as on a disk, in one step.
@Suite("Promise 12: folders are renamed", canMount, .onWaitingThreads) struct FolderRenamingTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed(
      """
      mkdir -p pipe/v1/unet/deep; cp $IN/full/model.safetensors pipe/v1/unet/diffusion.safetensors
      echo a > pipe/v1/unet/a.txt; echo b > pipe/v1/unet/deep/b.txt; cp $IN/full/config.json pipe/v1/
      # mv copies where it cannot rename; this does not.
      cat > $OUT/rename <<'END'
      import ctypes, errno, os, sys
      old, new, wanted = sys.argv[1], sys.argv[2], dict(zip(("error", "flags"), sys.argv[3:]))
      libc = ctypes.CDLL(None, use_errno=True)
      failed = libc.renameat2(-100, old.encode(), -100, new.encode(), int(wanted.get("flags", 0)))
      found = errno.errorcode[ctypes.get_errno()] if failed else "none"
      assert found == wanted.get("error", "none"), f"{old} -> {new}: {found}"
      END
      """)
  }

  @Test func itsFilesAndTimesAreThoseThatItHad() throws {
    try mount.succeed(
      """
      touch -d '2020-01-01 UTC' pipe/v1/unet/deep; touch -d '2021-01-01 UTC' pipe/v1/unet; touch -d '2022-01-01 UTC' pipe/v1
      find pipe/v1/unet -printf '%P %T@ %s\\n' | sort > $OUT/before
      cd pipe/v1/unet/deep
      python $OUT/rename $MNT/pipe/v1/unet $MNT/pipe/v1/unet2
      # Who is in it stays in it.
      test "$(cat b.txt)" = b; echo c > c.txt; test "$(cat ../../unet2/deep/c.txt)" = c; rm c.txt
      touch -d '2020-01-01 UTC' .
      cd $MNT
      find pipe/v1/unet2 -printf '%P %T@ %s\\n' | sort | diff $OUT/before -
      test ! -e pipe/v1/unet; ls pipe/v1 | tr '\\n' ' ' | grep -qx 'config.json unet2 '
      test $(date -r pipe/v1 +%Y) != 2022
      cmp pipe/v1/unet2/diffusion.safetensors $IN/full/model.safetensors
      mkdir pipe/v1/c; mv pipe/v1/unet2/deep pipe/v1/c/; mkdir pipe/v1/d; mv -T pipe/v1/c pipe/v1/d
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
      test $(date -u -r pipe/v1/unet2 +%Y) = $(date +%Y); test $(date -u -r pipe/v1/d/deep +%Y) = 2020
      test "$(cat pipe/v1/d/deep/b.txt)" = b; test ! -e pipe/v1/c; test ! -e pipe/v1/unet
      cmp pipe/v1/unet2/diffusion.safetensors $IN/full/model.safetensors
      tantra validate pipe
      """)
  }

  @Test func whatIsOpenInItGoesOn() throws {
    try mount.succeed(
      """
      head -c 150 $IN/full/model.safetensors > pipe/v1/unet/part.safetensors || true
      exec 5>> pipe/v1/unet/train.log 6< pipe/v1/unet/diffusion.safetensors 7> pipe/v1/unet/late.safetensors
      exec 8< pipe/v1/unet/a.txt
      echo one >&5; head -c 200 $IN/other/model.safetensors > $OUT/part
      python $OUT/rename pipe/v1/unet pipe/v1/unet2
      echo two >&5; test "$(cat <&8)" = a; cat <&6 | cmp - $IN/full/model.safetensors
      cat $IN/other/model.safetensors >&7
      exec 5>&- 6<&- 7>&- 8<&-
      test "$(cat pipe/v1/unet2/train.log)" = "$(printf 'one\\ntwo')"
      cmp pipe/v1/unet2/late.safetensors $IN/other/model.safetensors
      # What is not finished is finished there.
      tail -c +151 $IN/full/model.safetensors >> pipe/v1/unet2/part.safetensors
      cmp pipe/v1/unet2/part.safetensors $IN/full/model.safetensors
      test ! -e pipe/v1/unet; tantra validate pipe
      """)
  }

  @Test func errorsAreThoseOfADisk() throws {
    try mount.succeed(
      """
      mkdir pipe/v1/vae pipe/v2; echo c > pipe/v1/vae/c.txt
      cd pipe/v1; rename() { python $OUT/rename "$@"; }
      rename unet unet/deep/unet EINVAL; rename unet vae ENOTEMPTY; rename unet config.json ENOTDIR
      rename unet/a.txt vae EISDIR; rename none unet2 ENOENT
      rename unet vae EEXIST 1; rename unet vae EINVAL 2; rename unet unet2 none 1
      rename unet2 ../v2/unet EXDEV; rename unet2 ../unet EXDEV
      # So mv copies it.
      mv unet2 ../v2/unet; test ! -e unet2; cmp ../v2/unet/diffusion.safetensors $IN/full/model.safetensors
      """)
  }

  @Test func aFolderThatIsFilledUnderAnotherNameAppearsWhole() throws {
    try mount.succeed(
      """
      mkdir pipe/v1/.data.tmp; cp $IN/full/tokenizer/vocab.txt pipe/v1/.data.tmp/
      python $OUT/rename pipe/v1/.data.tmp pipe/v1/data
      cmp pipe/v1/data/vocab.txt $IN/full/tokenizer/vocab.txt
      # Weights that were kept unread have to be looked at.
      mkdir pipe/v1/.vae.tmp; cp $IN/other/model.safetensors pipe/v1/.vae.tmp/vae.safetensors
      python $OUT/rename pipe/v1/.vae.tmp pipe/v1/vae EXDEV
      mv pipe/v1/.vae.tmp pipe/v1/vae; cmp pipe/v1/vae/vae.safetensors $IN/other/model.safetensors
      tantra validate pipe
      """)
  }

  @Test func aChosenVersionKeepsItsFolders() throws {
    try mount.succeed("tantra set-active pipe v1; mkdir pipe/v1/empty; mv pipe/v1/empty pipe/v1/new; ls pipe/v1/new")
    try mount.fail("mv pipe/v1/unet pipe/v1/unet2", "Operation not permitted", reason: "frozen")
    try mount.succeed("cp -r pipe/v1 pipe/v2; mv pipe/v2/unet pipe/v2/unet2; cat pipe/v2/unet2/a.txt")
  }

  @Test func aDaemonThatIsKilledHasRenamedItOrNot() throws {
    try mount.succeed(
      """
      for turn in 1 2 3 4 5; do
        (while python $OUT/rename pipe/v1/unet pipe/v1/unet2 && python $OUT/rename pipe/v1/unet2 pipe/v1/unet; do :; done
        ) 2> $OUT/complaints &
        sleep 0.$turn
        kill -9 $(sed -n 's/^\\([a-z]* \\)\\?\\([0-9][0-9]*\\)$/\\2/p' $TANTRA_STORE/.staging/lock | head -n 1)
        wait || true
        cd /; sleep 0.3; tantra mount $MNT; cd $MNT
        name=$(ls pipe/v1 | grep unet); test $(echo $name | wc -w) = 1
        test "$(cat pipe/v1/$name/deep/b.txt)" = b; test "$(ls pipe/v1/$name | wc -l)" = 3
        cmp pipe/v1/$name/diffusion.safetensors $IN/full/model.safetensors
        if test $name = unet2; then mv pipe/v1/unet2 pipe/v1/unet; fi
      done
      tantra validate pipe
      """)
  }
}
