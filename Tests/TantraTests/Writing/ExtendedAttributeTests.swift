import TestSupport
import Testing

/// Extended attributes that programs give ordinary files and folders of a version.
@Suite("Promise 12: extended attributes", canMount, .onWaitingThreads) struct ExtendedAttributeTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; mkdir small/v2")
  }

  /// Gives and checks attributes of a folder, a file in it, and a file under a name of weights.
  private static let attributes = """
    give() {
      mkdir -p $1/sub; echo x > $1/sub/a.txt; echo text > $1/names.bin
      python - $1 <<'PYTHON'
    import os, sys
    for name in ("sub", "sub/a.txt", "names.bin"):
        path = sys.argv[1] + "/" + name
        os.setxattr(path, "user.note", b"one"); os.setxattr(path, "user.note", b"of " + name.encode())
        os.setxattr(path, "user.\\u00e9", bytes(range(256))); os.setxattr(path, "user.e\\u0301", b"")
        os.setxattr(path, "user.gone", b"x"); os.removexattr(path, "user.gone")
    PYTHON
    }
    check() {
      test "$(cat $1/names.bin)" = text
      python - $1 <<'PYTHON'
    import os, sys
    for name in ("sub", "sub/a.txt", "names.bin"):
        path = sys.argv[1] + "/" + name
        names = sorted(name for name in os.listxattr(path) if not name.startswith("user.tantra."))
        assert names == ["user.e\\u0301", "user.note", "user.\\u00e9"], (path, names)
        assert os.getxattr(path, "user.note") == b"of " + name.encode(), path
        assert os.getxattr(path, "user.\\u00e9") == bytes(range(256)) and os.getxattr(path, "user.e\\u0301") == b"", path
    PYTHON
    }
    """

  @Test(arguments: ["small/v1.0", "small/v2"]) func theyOutliveEverything(folder: String) throws {
    try mount.succeed(
      """
      \(Self.attributes)
      give \(folder); check \(folder)
      mv \(folder)/sub \(folder)/moved; mv \(folder)/moved \(folder)/sub; mv \(folder)/sub/a.txt \(folder)/sub/b
      mv \(folder)/sub/b \(folder)/sub/a.txt; mv \(folder)/names.bin \(folder)/n.txt; mv \(folder)/n.txt \(folder)/names.bin
      echo more >> \(folder)/sub/a.txt; chmod 600 \(folder)/sub/a.txt; sleep 0.3; check \(folder)
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT; check \(folder)
      exec 5>> \(folder)/open; python -c 'import os; os.setxattr("\(folder)/open", "user.a", b"b")'; echo x >&5
      cd /; kill -9 $(grep -o '[0-9]*' $TANTRA_STORE/.staging/lock | head -n 1); exec 5>&- || true; sleep 0.5
      tantra mount $MNT; cd $MNT; check \(folder)
      python -c 'import os; assert os.getxattr("\(folder)/open", "user.a") == b"b"'
      """)
  }

  @Test(arguments: ["cp -a", "rsync -aX", "tar --xattrs"]) func toolsCopyThemAndSayNothing(tool: String) throws {
    try mount.succeed(
      """
      \(Self.attributes)
      copy() {
        case '\(tool)' in
          rsync*) rsync -aX $1/ $2/;;
          tar*) mkdir -p $2; tar --xattrs -C $1 -cf - . | tar --xattrs --xattrs-include='*' -C $2 -xpf -;;
          *) cp -a $1 $2;;
        esac
      }
      exec 2> $OUT/said
      give small/v1.0; copy small/v1.0 small/v3; check small/v3
      copy small/v1.0 $OUT/disk; check $OUT/disk; copy $OUT/disk small/v4; check small/v4
      cmp small/v1.0/model.safetensors small/v4/model.safetensors
      mv $OUT/disk small/v5; check small/v5; mv small/v5 $OUT/disk; check $OUT/disk
      cat $OUT/said >&2; test ! -s $OUT/said
      """)
  }

  @Test func editionsBackupsRestoresAndExportsKeepThem() throws {
    try mount.succeed(
      """
      \(Self.attributes)
      give small/v1.0
      tantra export small v1.0 --folder --to $OUT/exported > /dev/null
      python -c 'import os; assert os.getxattr("'$OUT'/exported/small_v1.0/names.bin", "user.note") == b"of names.bin"'
      cp $IN/other/model.safetensors small/v1.0/; check small/v1.0; tantra restore small v1.0@1 > /dev/null; check small/v1.0
      tantra set-active small v1.0 > /dev/null; check small/v1.0
      cp -r $IN/other small/v5; tantra set-active small v5 > /dev/null
      rm -r small/v1.0; echo small/v1.0 > .control/restore; check small/v1.0
      """)
  }

  @Test func thereIsRoomFor64KiBOfThem() throws {
    try mount.succeed(
      """
      echo x > small/v2/a.txt; mkdir small/v2/sub
      python - <<'PYTHON'
      import errno, os
      for path in ("small/v2/a.txt", "small/v2/sub"):
          for index in range(16): os.setxattr(path, f"user.{index:06}", bytes(4080))
          try: os.setxattr(path, "user.x", bytes(350)); raise SystemExit("too much was taken")
          except OSError as error: assert error.errno == errno.ENOSPC, error
          os.removexattr(path, "user.000000"); os.setxattr(path, "user.x", bytes(350))
      PYTHON
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
      python -c 'import os; assert os.getxattr("small/v2/a.txt", "user.000001") == bytes(4080)'
      """)
  }

  /// Such a name tells what a file is. Copies bring them along.
  @Test func namesThatTellWhatAFileIsAreTakenAndChangeNothing() throws {
    try mount.succeed(
      """
      echo x > small/v2/a.txt; cp -a $IN/full small/v3
      python - <<'PYTHON'
      import errno, os
      for path in ("small/v2/a.txt", "small/v3/model.safetensors", "small/v3"):
          names = os.listxattr(path); values = [os.getxattr(path, name) for name in names]
          os.setxattr(path, "user.tantra.digest", b"x"); os.setxattr(path, "user.tantra.tensors", b"x")
          for name in names: os.removexattr(path, name)
          assert os.listxattr(path) == names and [os.getxattr(path, name) for name in names] == values
      try: os.setxattr("small/v3/model.safetensors", "user.note", b"x"); raise SystemExit("weights keep none")
      except OSError as error: assert error.errno == errno.EOPNOTSUPP, error
      PYTHON
      """)
  }

  @Test func aFrozenVersionKeepsThem() throws {
    try mount.succeed("\(Self.attributes)\ngive small/v1.0; tantra set-active small v1.0 > /dev/null; check small/v1.0")
    try mount.fail(
      "python -c 'import os; os.setxattr(\"small/v1.0/sub/a.txt\", \"user.note\", b\"no\")'", "Operation not permitted",
      reason: "frozen")
    try mount.succeed("\(Self.attributes)\ncheck small/v1.0")
  }
}
