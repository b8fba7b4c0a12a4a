import TestSupport
import Testing

/// Names, errors, modes and figures are those that a program finds on a disk.
@Suite("Promise 12: as on a disk", canMount) struct DiskLikenessTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; mkdir small/v2")
  }

  @Test(arguments: ["small/v1.0", "small/v2", "small"]) func namesThatLookTheSameAreTwoFiles(folder: String) throws {
    try mount.succeed(
      """
      cd \(folder)
      printf a > $'e\\u0301'; printf b > $'\\u00e9'
      test "$(cat $'e\\u0301')$(cat $'\\u00e9')" = ab
      mv $'e\\u0301' $'\\u00e9'; test "$(cat $'\\u00e9')" = a; test ! -e $'e\\u0301'
      mv $'\\u00e9' $'e\\u0301'; test "$(cat $'e\\u0301')" = a; test ! -e $'\\u00e9'
      printf b > $'\\u00e9'
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT/\(folder)
      test "$(cat $'e\\u0301')$(cat $'\\u00e9')" = ab
      rm $'e\\u0301'; test "$(cat $'\\u00e9')" = b
      """)
  }

  @Test func foldersAndAccentsThatBeginANameAreTold() throws {
    try mount.succeed(
      """
      cd small/v1.0; mkdir $'e\\u0301' $'\\u00e9'
      printf a > $'e\\u0301/x'; printf b > $'\\u00e9/\\u0301y'
      test "$(ls $'e\\u0301')" = x; test "$(cat $'\\u00e9/\\u0301y')" = b
      rm $'e\\u0301/x'; rmdir $'e\\u0301'; test "$(cat $'\\u00e9/\\u0301y')" = b
      cd ..; cp -r v1.0 v3; diff -r v1.0 v3
      """)
  }

  @Test func errorsAreThoseOfADisk() throws {
    try mount.succeed(
      """
      mkdir small/v2/sub small/v3 small/v4; echo x > small/v2/x; echo x > small/v4/x; echo x > small/notes
      python - <<'PYTHON'
      import errno, os
      def fails(code, call, *arguments):
          try: call(*arguments)
          except OSError as error: assert error.errno == code, (call, arguments, error)
          else: raise SystemExit(f"{call} {arguments} succeeded")
      long = "x" * 256
      for folder in ("", "small/", "small/v2/", "small/v2/sub/"):
          for call in (os.mkdir, os.stat, os.unlink, os.rmdir, os.listdir): fails(errno.ENAMETOOLONG, call, folder + long)
          fails(errno.ENAMETOOLONG, os.symlink, "v1.0", folder + long)
          fails(errno.ENAMETOOLONG, os.rename, "small/v2/x", folder + long)
          fails(errno.ENAMETOOLONG, open, folder + long, "w")
      for name in ("small", "small/v2", "small/v2/sub"):
          fails(errno.EISDIR, open, name, "w"); fails(errno.EISDIR, os.unlink, name); fails(errno.ENOTEMPTY, os.rmdir, "small/v2")
          fails(errno.EISDIR, os.rename, "small/v2/x", "small/v2/sub")
      for name in ("small/v2/x", "small/notes"):
          for call in (os.rmdir, os.listdir): fails(errno.ENOTDIR, call, name)
          fails(errno.ENOTDIR, open, name + "/y", "w"); fails(errno.EEXIST, os.mkdir, name)
      fails(errno.EISDIR, os.rename, "small/notes", "small/v2")
      fails(errno.ENOTDIR, os.rename, "small/v3", "small/notes"); fails(errno.ENOTDIR, os.rename, "small/v2/sub", "small/v2/x")
      fails(errno.ENOTEMPTY, os.rename, "small/v3", "small/v4")
      fails(errno.EILSEQ, open, b"small/v2/\\xff", "w"); fails(errno.ENOENT, os.stat, b"small/v2/\\xff")
      os.mkdir("one"); os.mkdir("two"); os.rename("one", "two"); os.mkdir("two/v1"); os.mkdir("one")
      fails(errno.ENOTEMPTY, os.rename, "one", "two")
      PYTHON
      """)
  }

  @Test func filesLieAsDeepAsAPathIsLong() throws {
    try mount.succeed(
      """
      cd small/v1.0; deep=$(printf 'd/%.0s' $(seq 100)); mkdir -p $deep; echo x > $deep/file; test "$(cat $deep/file)" = x
      cd /; tantra unmount $MNT; tantra mount $MNT; test "$(cat $MNT/small/v1.0/$deep/file)" = x
      """)
  }

  @Test func aProgramStaysOne() throws {
    try mount.succeed(
      """
      for folder in small small/v1.0 small/v2; do
        printf '#!/bin/sh\\necho ran\\n' > $folder/script.sh
        ! $folder/script.sh 2> /dev/null
        chmod +x $folder/script.sh; test "$($folder/script.sh)" = ran; test $(stat -c %a $folder/script.sh) = 755
        cp $folder/script.sh $folder/copy.sh; test "$($folder/copy.sh)" = ran
        cp $folder/script.sh $OUT/copy.sh; install -m 755 $OUT/copy.sh $folder/installed.sh; test "$($folder/installed.sh)" = ran
        echo 'echo again' >> $folder/script.sh; test "$($folder/script.sh | tail -n 1)" = again
        chmod -x $folder/copy.sh; test $(stat -c %a $folder/copy.sh) = 644
      done
      mv small/v2/script.sh small/moved.sh; test -x small/moved.sh
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
      test "$(small/script.sh | head -n 1)" = ran; test -x small/v1.0/installed.sh; test ! -x small/v2/copy.sh
      """)
  }

  @Test func theFileSystemCountsTheInodesOfTheStoresDisk() throws {
    try mount.succeed(
      """
      test "$(stat -f -c '%c' .)" = "$(stat -f -c '%c' $TANTRA_STORE)"
      test $(stat -f -c '%d' .) -gt 0 || test $(stat -f -c '%c' .) = 0
      """)
  }
}
