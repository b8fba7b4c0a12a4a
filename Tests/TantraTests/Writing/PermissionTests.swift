import TestSupport
import Testing

/// The permission bits of ordinary files and of folders are those that their makers, and chmod, gave them.
@Suite("Promise 12: permissions", canMount, .onWaitingThreads) struct PermissionTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; mkdir small/v2")
  }

  /// Makes files of many modes in a folder, and tells their modes.
  private static let modes = """
    makeFiles() {
      for mode in 644 600 400 755 700 640 777 444 000 111 664; do
        echo $mode > $1/file.$mode; chmod $mode $1/file.$mode
      done
    }
    picture() { (cd $1 && find . -type f -name 'file.*' -printf '%p %m\\n' | sort); }
    check() {
      test $(ls $1 | grep -c '^file') = 11
      for file in $1/file.*; do test $((8#$(stat -c %a $file))) = $((8#${file##*.})); test "$(cat $file)" = ${file##*.}; done
    }
    """

  @Test(arguments: ["small/v1.0", "small/v2", "small", "small/v1.0/tokenizer"])
  func modesOutliveEverything(folder: String) throws {
    try mount.succeed(
      """
      \(Self.modes)
      makeFiles \(folder); check \(folder)
      for file in \(folder)/file.*; do mv $file \(folder)/moved; mv \(folder)/moved $file; done
      check \(folder)
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT; check \(folder)
      exec 5> \(folder)/open; chmod 604 \(folder)/open; echo x >&5
      cd /; kill -9 $(grep -o '[0-9]*' $TANTRA_STORE/.staging/lock | head -n 1); exec 5>&- || true; sleep 0.5
      tantra mount $MNT; cd $MNT; check \(folder); test $(stat -c %a \(folder)/open) = 604
      """)
  }

  @Test func theUmaskAppliesToWhatIsMade() throws {
    try mount.succeed(
      """
      for folder in small small/v1.0 small/v2; do
        (umask 077; echo x > $folder/private; printf x > $folder/.hidden)
        (umask 002; echo x > $folder/shared); (umask 0; echo x > $folder/all)
        test "$(cd $folder; stat -c %a private .hidden shared all | tr '\\n' ' ')" = '600 600 664 666 '
        echo more >> $folder/private; : > $folder/shared; mv $folder/.hidden $folder/shown
        test "$(cd $folder; stat -c %a private shown shared | tr '\\n' ' ')" = '600 600 664 '
        install -m 750 $IN/full/config.json $folder/tool; test $(stat -c %a $folder/tool) = 750
        chmod 6751 $folder/tool; test $(stat -c %a $folder/tool) = 6751
        python - $folder <<'PYTHON'
      import os, sys, tempfile
      with tempfile.NamedTemporaryFile(dir=sys.argv[1], delete=False) as file: file.write(b"x")
      assert os.stat(file.name).st_mode & 0o7777 == 0o600
      descriptor = os.open(file.name, os.O_RDWR); os.unlink(file.name); os.fchmod(descriptor, 0o640)
      assert os.fstat(descriptor).st_mode & 0o7777 == 0o640
      PYTHON
      done
      """)
  }

  @Test func foldersKeepTheirModes() throws {
    try mount.succeed(
      """
      check() {
        test "$(cd $1; stat -c %a . private sticky private/inner group/below | tr '\\n' ' ')" = '2751 700 1777 750 2755 '
      }
      fill() {
        (umask 077; mkdir $1/private); mkdir -m 1777 $1/sticky; mkdir -m 2755 $1/group; mkdir $1/group/below
        mkdir -m 750 $1/private/inner; chmod 2751 $1
        # An empty folder does not come back with a restore.
        for folder in sticky private/inner group/below; do echo x > $1/$folder/file; done
      }
      mkdir -m 700 small/v3; fill small/v3; check small/v3; fill small/v1.0; check small/v1.0
      mv small/v3/private small/v3/moved; mv small/v3/moved small/v3/private; check small/v3
      mv small/v3 small/v4; check small/v4
      cp -a small/v1.0 small/v5; check small/v5
      rsync -a small/v1.0/ small/v6/; check small/v6
      mkdir small/v7; tar -C small/v1.0 -cf - . | tar -C small/v7 -xpf -; check small/v7
      tantra set-active small v5 > /dev/null; cp -a small/v5 small/v8; check small/v8
      cp $IN/other/model.safetensors small/v1.0/; check small/v1.0
      rm -r small/v6; echo small/v6 > .control/restore; check small/v6
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
      for version in v1.0 v4 v5 v6 v7 v8; do check small/$version; done
      tantra export small v1.0 --folder --to $OUT/exported > /dev/null
      test "$(cd $OUT/exported/small_v1.0; stat -c %a tokenizer)" = 755
      """)
  }

  /// Whoever fills a folder takes its permissions away first, and gives them at the end.
  @Test func aCopyIntoAVersionThatIsFrozenAtOnceKeepsModes() throws {
    try mount.succeed(
      """
      tantra config small frozen always > /dev/null
      cp -a $IN/full small/v3; test "$(stat -c %a small/v3 small/v3/tokenizer | tr '\\n' ' ')" = '755 755 '
      rsync -a $IN/full/ small/v4/; test "$(stat -c %a small/v4/tokenizer)" = 755
      """)
  }

  @Test(arguments: ["cp -a", "cp -al", "cp -p", "rsync -a", "tar"]) func toolsKeepModes(tool: String) throws {
    try mount.succeed(
      """
      \(Self.modes)
      copy() {
        case '\(tool)' in
          rsync*) rsync -a $1/ $2/;;
          tar) mkdir -p $2; tar -C $1 -cf - . | tar -C $2 -xpf -;;
          'cp -p') mkdir -p $2; cp -p $1/file.* $2;;
          *) \(tool) $1 $2;;
        esac
      }
      makeFiles small/v1.0; copy small/v1.0 small/v3; check small/v3
      if test '\(tool)' != 'cp -al'; then
        copy small/v1.0 $OUT/disk; check $OUT/disk; copy $OUT/disk small/v4; check small/v4
      fi
      if test '\(tool)' = 'rsync -a'; then
        chmod 640 $OUT/disk/file.600; rsync -a $OUT/disk/ small/v4/; test $(stat -c %a small/v4/file.600) = 640
        ! rsync -ai $OUT/disk/ small/v4/ | grep .
      fi
      """)
  }

  @Test func editionsBackupsRestoresImportsAndExportsKeepModes() throws {
    try mount.succeed(
      """
      \(Self.modes)
      umask 0; makeFiles small/v1.0
      tantra export small v1.0 --folder --to $OUT/exported > /dev/null; check $OUT/exported/small_v1.0
      cp $IN/other/model.safetensors small/v1.0/; check small/v1.0
      chmod 666 small/v1.0/file.*; tantra restore small v1.0@1 > /dev/null; check small/v1.0
      tantra import $OUT/exported/small_v1.0 --model mounted > /dev/null; check mounted/v1.0
      cp -r $IN/other small/v5; tantra set-active small v5 > /dev/null
      rm -r small/v1.0; echo small/v1.0 > .control/restore; check small/v1.0
      cd /; tantra unmount $MNT
      tantra import $OUT/exported/small_v1.0 --model alone > /dev/null
      tantra mount $MNT; cd $MNT; check alone/v1.0; check small/v1.0
      """)
  }

  @Test func whatIsNoWeightsUnderANameOfWeightsKeepsItsModeAndWeightsHaveAlwaysTheSame() throws {
    try mount.succeed(
      """
      check() { test "$(stat -c %a $1)" = $2; }
      for folder in small/v1.0 small/v2; do
        (umask 077; echo text > $folder/names.bin); check $folder/names.bin 600
        chmod 640 $folder/names.bin; check $folder/names.bin 640
        # A moment after its close it is a blob.
        sleep 0.5; echo more >> $folder/names.bin; check $folder/names.bin 640
        cp -a $folder/names.bin $folder/copy.bin; check $folder/copy.bin 640
        mv $folder/copy.bin $folder/copy.txt; check $folder/copy.txt 640; mv $folder/copy.txt $folder/copy.pt; check $folder/copy.pt 640
        install -m 600 $IN/full/model.safetensors $folder/adapter.safetensors; chmod 600 $folder/adapter.safetensors
        check $folder/adapter.safetensors 644
      done
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
      for folder in small/v1.0 small/v2; do
        check $folder/names.bin 640; check $folder/copy.pt 640; check $folder/adapter.safetensors 644
      done
      """)
  }

  @Test func aFrozenVersionKeepsItsModes() throws {
    try mount.succeed("echo x > small/v1.0/notes; chmod 640 small/v1.0/notes; tantra set-active small v1.0 > /dev/null")
    try mount.fail("chmod 600 small/v1.0/notes", "Operation not permitted", reason: "frozen")
    #expect(try mount.succeed("chmod 640 small/v1.0/notes; stat -c %a small/v1.0/notes") == "640\n")
  }
}
