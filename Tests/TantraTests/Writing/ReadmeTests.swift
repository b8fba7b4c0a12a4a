import TestSupport
import Testing

/// A model's folder may hold README.md.
@Suite("Names and files: README.md", canMount) struct ReadmeTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1; echo card > $OUT/README.md")
  }

  @Test(arguments: [
    "cp $OUT/README.md small/", "cat $OUT/README.md > small/README.md",
    "mv $OUT/README.md small/; echo card > $OUT/README.md",
    "install -m 644 $OUT/README.md small/", "rsync -a $OUT/README.md small/",
    "tar -C $OUT -c README.md | tar -C small -x",
    "tee small/README.md < $OUT/README.md > /dev/null", "dd if=$OUT/README.md of=small/README.md status=none",
    "python -c 'open(\"small/README.md\", \"w\").write(\"card\\n\")'",
  ])
  func everyToolWritesItAndWritesItAgain(tool: String) throws {
    try mount.succeed(
      """
      \(tool)
      cmp small/README.md $OUT/README.md
      \(tool)
      cmp small/README.md $OUT/README.md
      ls small | diff - <(printf '%s\\n' README.md active v1.0 v1.1)
      tantra validate small > /dev/null
      """)
  }

  @Test func itIsEditedReadRemovedAndOutlivesAMountAndAKill() throws {
    try mount.succeed(
      """
      cp $OUT/README.md small/
      sed -i 's/card/model card/' small/README.md
      test "$(cat small/README.md)" = 'model card'
      echo more >> small/README.md
      test "$(tail -n 1 small/README.md)" = more
      exec 5< small/README.md
      rm small/README.md; test ! -e small/README.md
      test "$(head -n 1 <&5)" = 'model card'; exec 5<&-
      touch -d '2020-02-03 04:05:06.789' $OUT/README.md
      cp -p $OUT/README.md small/
      kill -9 $(sed -n 's/^\\([a-z]* \\)\\?\\([0-9][0-9]*\\)$/\\2/p' $TANTRA_STORE/.staging/lock | head -n 1)
      cd /; tantra mount $MNT; cd $MNT
      cmp small/README.md $OUT/README.md
      test "$(stat -c %Y small/README.md)" = "$(stat -c %Y $OUT/README.md)"
      cd /; tantra unmount $MNT
      tantra purge > /dev/null
      tantra mount $MNT --read-only; cd $MNT
      cmp small/README.md $OUT/README.md
      """)
    try mount.fail("echo x > small/README.md", "Read-only file system")
  }

  @Test(arguments: ["cp -r", "cp -a", "cp -al"]) func aModelIsCopiedWithIt(tool: String) throws {
    try mount.succeed(
      """
      cp $OUT/README.md small/
      \(tool) small other
      diff -r small other
      rsync -a small/ $OUT/model/
      cmp $OUT/model/README.md small/README.md
      ! rsync -ai small/ $OUT/model/ | grep '^[<>]'
      rsync -ai $OUT/model/ small/ > $OUT/second
      ! grep '^[<>]' $OUT/second
      rm other/active; rm -r other; test ! -e other
      """)
  }

  @Test func otherFilesAreRefusedWithAReason() throws {
    try mount.fail("echo x > small/notes.txt", "Operation not permitted", reason: "README.md")
    try mount.fail("mkdir small/README.md", "Invalid argument")
    try mount.succeed("mkdir empty; cp $OUT/README.md empty/")
    try mount.fail("rmdir empty", "Directory not empty")
  }
}
