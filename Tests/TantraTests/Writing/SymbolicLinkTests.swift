import TestSupport
import Testing

/// Symbolic links in a version, in folders of it, and in a model's own folder are kept as they are, and followed by the kernel only.
@Suite("Promise 12: symbolic links", canMount, .onWaitingThreads) struct SymbolicLinkTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; mkdir small/v2")
  }

  /// A script of a version with links of all sorts in it, and of what they have to be.
  private static let links = """
    makeLinks() {
      mkdir -p $1/sub/deep
      ln -s config.json $1/near; ln -s ../config.json $1/sub/up; ln -s sub $1/folder; ln -s nowhere/at/all $1/dangling
      ln -s ../../../outside $1/sub/climbing; ln -s /etc/hostname $1/absolute; ln -s sub/up $1/sub/deep/.hidden
      ln -s best.ckpt $1/last.ckpt
    }
    picture() { (cd $1 && find . -type l -printf '%p %l %s %y\\n' | sort); }
    """

  @Test(arguments: ["small/v1.0", "small/v2", "small/v1.0/inner", "small"])
  func aLinkIsMadeReadRenamedAndRemoved(folder: String) throws {
    try mount.succeed(
      """
      mkdir -p \(folder); cd \(folder); mkdir data; echo x > data/x.txt
      ln -s data/x.txt link
      test "$(readlink link)" = data/x.txt; test "$(cat link)" = x; test -L link
      test "$(stat -c '%F %s %a %h' link)" = 'symbolic link 10 777 1'
      ls -l | grep -q '^lrwxrwxrwx.* link -> data/x.txt$'
      for refused in 'ln -s other link' 'mkdir link' 'rmdir link'; do $refused 2> /dev/null && exit 9 || true; done
      mv link moved; test "$(readlink moved)" = data/x.txt; test ! -L link
      ln -s elsewhere/y link; mv -T link moved; test "$(readlink moved)" = elsewhere/y; test ! -L link
      ln -sfn data/x.txt moved; test "$(readlink moved)" = data/x.txt
      echo more >> moved; test "$(tail -n 1 data/x.txt)" = more
      echo file > file; mv -T file moved; test ! -L moved; test "$(cat moved)" = file
      ln -s data over; mv -T over moved; test "$(readlink moved)" = data; test -e moved/x.txt
      mv moved data/; test "$(readlink data/moved)" = data; rm data/moved; test ! -L data/moved
      ln -s a data/one; ln -P data/one data/two; test "$(readlink data/two)" = a
      rm -r data; test ! -e data
      """)
  }

  @Test func theTimeOfALinkIsItsOwn() throws {
    try mount.succeed(
      """
      for folder in small/v1.0 small/v2 small; do
        ln -s nothing/at/all $folder/link.x; touch -h -d '2020-01-02 03:04:05 UTC' $folder/link.x
        test $(stat -c %Y $folder/link.x) = 1577934245
      done
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
      for folder in small/v1.0 small/v2 small; do test $(stat -c %Y $folder/link.x) = 1577934245; done
      """)
  }

  @Test func linksSurviveARemountAndAKill() throws {
    try mount.succeed(
      """
      \(Self.links)
      for folder in small/v1.0 small/v2; do makeLinks $folder; done
      ln -s notes/today small/latest; ln -s ./v1.0/config.json small/settings
      picture small > $OUT/before
      cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
      picture small | diff $OUT/before -
      ln -s later small/v2/late; picture small > $OUT/before
      cd /; kill -9 $(grep -o '[0-9]*' $TANTRA_STORE/.staging/lock | head -n 1); sleep 0.5; tantra mount $MNT; cd $MNT
      picture small | diff $OUT/before -
      test "$(readlink small/active)" = v1.0; cmp small/settings small/v1.0/config.json
      """)
  }

  @Test(arguments: ["cp -a", "cp -al", "rsync -a", "tar"]) func toolsKeepLinks(tool: String) throws {
    try mount.succeed(
      """
      \(Self.links)
      copy() {
        case '\(tool)' in
          rsync*) rsync -a $1/ $2/;;
          tar) mkdir -p $2; tar -C $1 -cf - . | tar -C $2 -xf -;;
          *) \(tool) $1 $2;;
        esac
      }
      makeLinks small/v1.0
      copy small/v1.0 small/v3
      diff <(picture small/v1.0) <(picture small/v3)
      test $(stat -c %Y small/v1.0/near) = $(stat -c %Y small/v3/near) || test '\(tool)' = 'cp -al'
      cmp small/v3/folder/up small/v1.0/config.json
      rm -r small/v3; test ! -e small/v3
      if test '\(tool)' != 'cp -al'; then
        copy small/v1.0 $OUT/disk; diff <(picture small/v1.0) <(picture $OUT/disk)
        copy $OUT/disk small/v4; diff <(picture small/v1.0) <(picture small/v4)
      fi
      if test '\(tool)' = 'rsync -a'; then
        ln -sfn other $OUT/disk/near; rsync -a $OUT/disk/ small/v4/; test "$(readlink small/v4/near)" = other
        ! rsync -ai $OUT/disk/ small/v4/ | grep .
      fi
      """)
  }

  @Test func editionsBackupsRestoresAndExportsKeepLinks() throws {
    try mount.succeed(
      """
      \(Self.links)
      makeLinks small/v1.0; rm small/v1.0/sub/deep/.hidden; rmdir small/v1.0/sub/deep; picture small/v1.0 > $OUT/before
      tantra validate small v1.0 > /dev/null
      tantra export small v1.0 --folder --to $OUT/exported > /dev/null
      picture $OUT/exported/small_v1.0 | diff $OUT/before -
      cp $IN/other/model.safetensors small/v1.0/; picture small/v1.0 | diff $OUT/before -
      rm small/v1.0/near; ln -s changed small/v1.0/near
      tantra restore small v1.0@1 > /dev/null; picture small/v1.0 | diff $OUT/before -
      cp -r $IN/other small/v5; tantra set-active small v5 > /dev/null
      rm -r small/v1.0; echo small/v1.0 > .control/restore; picture small/v1.0 | diff $OUT/before -
      tantra validate small v1.0 > /dev/null
      tantra backup small v1.0 --to $OUT/copy > /dev/null
      TANTRA_STORE=$OUT/copy tantra export small v1.0 --folder --to $OUT/second > /dev/null
      picture $OUT/second/small_v1.0 | diff $OUT/before -
      """)
  }

  @Test func aFrozenVersionKeepsItsLinksAndTakesNewOnes() throws {
    try mount.succeed("ln -s config.json small/v1.0/link; tantra set-active small v1.0 > /dev/null")
    try mount.succeed("ln -s x small/v1.0/new")
    try mount.fail("rm small/v1.0/link", "Operation not permitted")
    try mount.fail("mv small/v1.0/link small/v1.0/moved", "Operation not permitted", reason: "frozen")
    try mount.fail("ln -sfn other small/v1.0/link", "Operation not permitted", reason: "frozen")
    #expect(try mount.succeed("readlink small/v1.0/link") == "config.json\n")
  }

  @Test func noLinkHasTheNameOfTheMainStateDict() throws {
    for name in ["model.safetensors", "model.bin", "pytorch_model.bin", "model-00001-of-00002.safetensors"] {
      try mount.fail("ln -s ../v1.0/model.pt small/v2/\(name)", "Operation not permitted")
      try mount.fail("ln -s x small/v2/link; mv small/v2/link small/v2/\(name)", "Operation not permitted")
      try mount.succeed("test -z \"$(find small/v2 -name '*model*')\"; rm small/v2/link")
    }
    // Any other name of weights is that of a link until weights are moved there.
    try mount.succeed(
      """
      cp $IN/full/model.safetensors small/v2/step-1.ckpt; ln -s step-1.ckpt small/v2/last.ckpt
      cmp $IN/full/model.safetensors small/v2/last.ckpt; ln -sfn step-2.ckpt small/v2/last.ckpt
      test "$(readlink small/v2/last.ckpt)" = step-2.ckpt
      cp $IN/other/model.safetensors small/v2/step-3.ckpt; mv -T small/v2/step-3.ckpt small/v2/last.ckpt
      test ! -L small/v2/last.ckpt; cmp $IN/other/model.safetensors small/v2/last.ckpt
      """)
    try mount.fail("ln -sfn step-1.ckpt small/v2/last.ckpt", "Invalid argument", reason: "is published as weights")
  }

  @Test func targetsAreAnyBytes() throws {
    try mount.succeed(
      """
      cd /; python - <<'PYTHON'
      import errno, os
      os.chdir(os.environ["MNT"])
      targets = [b"x" * 4095, bytes(range(1, 256)), "e\\u0301".encode(), "\\u00e9".encode(), b'"\\\\\\n\\r\\x7f\\xff', b"/"]
      def check():
          for folder in ("small/v1.0", "small/v2", "small"):
              for number, target in enumerate(targets):
                  name = f"{folder}/link.{number}"
                  assert os.readlink(os.fsencode(name)) == target, (name, target)
                  assert os.lstat(name).st_size == len(target)
      for folder in ("small/v1.0", "small/v2", "small"):
          for number, target in enumerate(targets): os.symlink(target, os.fsencode(f"{folder}/link.{number}"))
          try: os.symlink(b"x" * 4096, os.fsencode(folder + "/long"))
          except OSError as error: assert error.errno == errno.ENAMETOOLONG, error
          else: raise SystemExit("a target that is too long was taken")
      check()
      os.chdir("/"); assert os.system("tantra unmount $MNT && tantra mount $MNT") == 0; os.chdir(os.environ["MNT"])
      check()
      PYTHON
      """)
  }

  @Test func aliasesStayAliasesAndActiveIsALinkToAVersion() throws {
    try mount.succeed(
      """
      cp -r $IN/other small/v3; ln -s v3 small/alias; sleep 1.2
      grep -q '"alias" *: *"v3"' $TANTRA_STORE/weight_config.json
      ln -s nowhere/else small/link; ln -sfn v1.0 small/link; sleep 1.2
      grep -q '"link" *: *"v1.0"' $TANTRA_STORE/weight_config.json; test "$(ls small | grep -c '^link$')" = 1
      rm small/link; test ! -L small/link
      # As programs do that replace a link at once: under a name that no alias has.
      python -c 'import os; os.symlink("v3", "small/.tmp"); os.replace("small/.tmp", "small/active")'
      test "$(readlink small/active)" = v3; test ! -L small/.tmp
      echo x > small/file; ln -s file small/to-file; test "$(readlink small/to-file)" = file; test "$(cat small/to-file)" = x
      """)
    try mount.fail("ln -sfn /etc/passwd small/active", "Invalid argument")
    try mount.fail("ln -sfn /etc/passwd small/alias", "Invalid argument")
    #expect(try mount.succeed("readlink small/active small/alias; ls -A small | grep -c Cu || true") == "v3\nv3\n0\n")
  }
}
