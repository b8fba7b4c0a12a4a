import TestSupport
import Testing

/// Names, errors, modes and figures are those that a program finds on a disk.
@Suite("Promise 12: as on a disk", canMount, .onWaitingThreads) struct DiskLikenessTests {
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

  /// What a program does with files and folders of its own, and what it finds.
  private static let calls = """
    import errno, os, stat, sys, time
    os.chdir(sys.argv[1]); os.mkdir("calls"); os.chdir("calls")
    def attempt(call, *arguments, **named):
        try: return call(*arguments, **named)
        except OSError as error: return errno.errorcode[error.errno]
    def mode(path): return oct(stat.S_IMODE(os.stat(path).st_mode))
    def make(name, *arguments): os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, *arguments))

    for bits in (0, 0o111, 0o222, 0o644, 0o751, 0o1777, 0o2755, 0o4711, 0o7777):
        make("file"); os.mkdir("folder")
        for name in ("file", "folder"): os.chmod(name, bits); print(name, oct(bits), mode(name))
        os.unlink("file"); os.rmdir("folder")
    for mask in (0, 0o22, 0o77, 0o151):
        os.umask(mask); make("file", 0o4777); os.mkdir("folder", 0o1777); os.mknod("node", 0o666 | stat.S_IFREG)
        print(oct(mask), mode("file"), mode("folder"), mode("node"), attempt(os.mknod, "node", 0o666 | stat.S_IFREG))
        os.unlink("file"); os.unlink("node"); os.rmdir("folder")
    os.umask(0o22); os.mkdir("group"); os.chmod("group", 0o2775); os.mkdir("group/inner"); print(mode("group/inner"))

    for name in ("links", "links/one", "links/two"): os.mkdir(name)
    make("links/file"); os.rename("links/one", "links/two/one")
    print([os.stat(name).st_nlink for name in ("links", "links/two", "links/two/one", "links/file")])
    os.rmdir("links/two/one"); print(os.stat("links/two").st_nlink)

    make("file"); os.mkdir("folder"); os.symlink("nowhere", "link")
    def times(name): found = os.lstat(name); return (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
    def change(name, what, call):
        before = times(name); time.sleep(0.02); call(); after = times(name)
        print(name, what, [("later" if new > old else "earlier") if new != old else "same" for old, new in zip(before, after)])
    for name in ("file", "folder"):
        change(name, "chmod", lambda: os.chmod(name, 0o700))
        change(name, "utime", lambda: os.utime(name, ns=(3 * 10**9 + 1, 5 * 10**9 + 2)))
        print(times(name)[:2])
        change(name, "chmod", lambda: os.chmod(name, 0o750))
        print(times(name)[:2])
        change(name, "setxattr", lambda: os.setxattr(name, "user.a", b"b"))
    change("link", "utime", lambda: os.utime("link", ns=(7, 9), follow_symlinks=False))
    def write():
        with open("file", "a") as file: file.write("more")
    change("file", "write", write)
    change("file", "cut", lambda: os.truncate("file", 1))
    change("folder", "name", lambda: make("folder/name"))
    change("folder", "no name", lambda: os.unlink("folder/name"))

    def names(name): return [found for found in os.listxattr(name) if not found.startswith("user.tantra.")]
    for name in ("file", "folder"):
        for call in (
            lambda: names(name), lambda: os.getxattr(name, "user.none"), lambda: os.removexattr(name, "user.none"),
            lambda: os.setxattr(name, "user.a", b"c", os.XATTR_CREATE), lambda: os.setxattr(name, "user.n", b"c", os.XATTR_REPLACE),
            lambda: os.setxattr(name, "user.a", b"d", os.XATTR_REPLACE), lambda: os.getxattr(name, "user.a"),
            lambda: os.setxattr(name, "user.", b""), lambda: os.setxattr(name, "user." + "n" * 251, b""),
            lambda: os.setxattr(name, "user.large", bytes(65537)), lambda: os.setxattr(name, "nothing.a", b""),
            lambda: os.removexattr(name, "user.a"), lambda: names(name),
        ): print(attempt(call))

    def deep(length):
        parts = ["d" * 127] * 32; path = "/".join(parts)[:length - 2]; return path[:path.rindex("/")], "e" * (length - path.rindex("/") - 1)
    for length in (4095, 4096):
        folder, name = deep(length); path = folder + "/" + name
        if length == 4095: os.makedirs(folder)
        for call in (lambda: make(path), lambda: os.stat(path).st_size, lambda: os.rename(path, "short"), lambda: os.rename("short", path),
            lambda: os.unlink(path), lambda: os.mkdir(path), lambda: os.rmdir(path), lambda: os.symlink("x", path), lambda: os.unlink(path)):
            print(length, attempt(call))
    os.chdir(deep(4095)[0]); deeper = "/".join(["f" * 200] * 5); os.makedirs(deeper); print(os.path.isdir(deeper))
    """

  /// Modes, times, extended attributes and long paths, compared with a folder on the disk of the store.
  @Test(arguments: ["small/v1.0", "small/v2", "small/v1.0/tokenizer"]) func callsAnswerAsOnDisk(folder: String) throws {
    try mount.fixture.scratch.write("out/calls.py", Array(Self.calls.utf8))
    try mount.succeed(
      """
      mkdir $OUT/disk; python $OUT/calls.py $OUT/disk > $OUT/expected; python $OUT/calls.py \(folder) > $OUT/found
      diff $OUT/expected $OUT/found >&2; test $(wc -l < $OUT/found) -gt 80
      rm -r \(folder)/calls $OUT/disk/calls; test ! -e \(folder)/calls
      """)
  }

  /// What is removed from a published version comes back with a restore, but for what has given way.
  @Test(arguments: ["small/v1.0", "small/v2"]) func aFolderTakesTheNameOfAFileAndAFileThatOfAFolder(folder: String)
    throws
  {
    try mount.succeed(
      """
      cd \(folder); cp $IN/full/model.safetensors adapter.safetensors; mkdir sub sub/deep; echo x > sub/x; echo x > sub/deep/x; echo x > x
      rm x adapter.safetensors; mkdir x adapter.safetensors; rm -r sub; echo new > sub
      test -d x; test -d adapter.safetensors; test "$(cat sub)" = new; echo in > x/in; test "$(ls x)" = in
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT/\(folder)
      test -d x; test -d adapter.safetensors; test "$(cat sub)" = new; test "$(ls x)" = in
      rm sub; mkdir sub; test -z "$(ls sub)"; rmdir sub adapter.safetensors; rm -r x; echo file > x; test "$(cat x)" = file; rm x
      test ! -e x; test ! -e sub; test ! -e adapter.safetensors
      """)
  }

  @Test func whatIsAppendedAtOnceIsAppended() throws {
    try mount.succeed(
      """
      for folder in small small/v1.0 small/v2; do
        for name in x.txt x.bin x.pt .x; do
          for round in $(seq 60); do
            echo a > $folder/$name; echo b >> $folder/$name; test "$(cat $folder/$name)" = $'a\\nb'; rm $folder/$name
            echo a > $folder/.y; mv $folder/.y $folder/$name; echo b >> $folder/$name; echo c >> $folder/$name
            test "$(cat $folder/$name)" = $'a\\nb\\nc'; rm $folder/$name
          done
        done
      done
      """)
  }

  /// The kernel goes on with the inode that it knows under the old name.
  @Test(arguments: ["small/v1.0", "small/v2", "small"]) func aRenameToAnotherKindLeadsToTheFile(folder: String) throws {
    try mount.succeed(
      """
      cd \(folder); names='.y x.bin x.txt x.ckpt model-00001-of-00002.safetensors adapter.safetensors'
      for from in $names; do
        for to in $names; do
          test $from != $to || continue
          echo a > $from; mv $from $to; test "$(cat $to)" = a; echo b >> $to; test "$(cat $to)" = $'a\\nb'; test ! -e $from
          stat $to > $OUT/said; rm $to; test ! -e $to
          cp $IN/full/model.safetensors $from || test $from = model-00001-of-00002.safetensors
          mv $from $to; cmp $IN/full/model.safetensors $to; test ! -e $from; rm $to; test ! -e $to
        done
      done
      test -z "$(ls -A | grep -e '^\\.y' -e '^x\\.' -e adapter -e 00001)"
      """)
  }

  /// The kernel writes such a file itself, until it is renamed and closed.
  @Test func aFileThatIsRenamedWhileItIsOpenCanBeAppendedTo() throws {
    try mount.succeed(
      """
      for folder in small small/v1.0 small/v2; do
        for round in $(seq 60); do
          exec 5> $folder/.y; echo a >&5; exec 6< $folder/.y; mv $folder/.y $folder/x; exec 5>&-
          echo b >> $folder/x; test "$(cat $folder/x)" = $'a\\nb'; exec 6<&-; echo c >> $folder/x
          test "$(cat $folder/x)" = $'a\\nb\\nc'; rm $folder/x
        done
      done
      """)
  }

  /// A moment after its close, what is no weights becomes a blob: `cp` asks for the inode twice, and skips a file that is another.
  @Test func aFileIsTheSameOneFromItsCloseOn() throws {
    try mount.succeed(
      """
      timeout 60 bash -c 'while :; do :; done' & busy=$!; timeout 60 bash -c 'while :; do :; done' & busier=$!
      for folder in small/v1.0 small/v2; do
        python - $folder/names.bin <<'PYTHON'
      import os, sys
      path = sys.argv[1]
      for round in range(200):
          with open(path, "a") as file:
              file.write("text")
          seen = {os.stat(path).st_ino}
          for _ in range(20):
              with open(path) as file:
                  seen |= {os.fstat(file.fileno()).st_ino, os.stat(path).st_ino}
          assert len(seen) == 1, (round, seen)
      PYTHON
      done
      kill $busy $busier
      """)
  }

  /// It has been closed once, and somebody has it open still: it is no blob yet.
  @Test func whatWasClosedJustNowComesBackWithItsVersion() throws {
    try mount.succeed(
      """
      python - small/v1.0/names.bin <<'PYTHON'
      import os, sys
      path = sys.argv[1]
      with open(path, "w") as file:
          file.write("text")
          file.flush()
          os.close(os.dup(file.fileno()))
          os.unlink(path)
          file.write(" that goes on")
      assert not os.path.exists(path)
      PYTHON
      rm -r small/v1.0; tantra restore small v1.0 > /dev/null; test "$(cat small/v1.0/names.bin)" = text
      for round in $(seq 30); do
        echo $round > small/v1.0/names.bin; rm -r small/v1.0
        tantra restore small v1.0 > /dev/null; test "$(cat small/v1.0/names.bin)" = $round
      done
      """)
  }

  @Test func whatIsRefusedInAFrozenVersionLeavesNothingBehind() throws {
    try mount.succeed(
      """
      cd small/v1.0; echo x > notes; ln -s notes link; tantra set-active small v1.0 > /dev/null; ls -A > $OUT/before
      ! ln -sfn config.json link 2> $OUT/said; grep -q 'not permitted' $OUT/said; test "$(readlink link)" = notes
      ! sed -i s/x/y/ notes 2> $OUT/said; grep -q 'not permitted' $OUT/said; test "$(cat notes)" = x
      ls -A | diff $OUT/before -
      echo a > new; echo b >> new; chmod 600 new; mv new newer; test "$(cat newer)" = $'a\\nb'; rm newer
      ls -A | diff $OUT/before -
      ! rm notes 2> /dev/null; ! mv notes newer 2> /dev/null; ! rm notes 2> /dev/null; ! rm model.pt 2> /dev/null
      cp $IN/other/model.safetensors adapter.safetensors; ! rm adapter.safetensors 2> /dev/null
      test -s adapter.safetensors; test "$(cat notes)" = x
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
