import TestSupport
import Testing

/// Folders and links have the time at which they changed.
@Suite("Promise 13: folder times", canMount, .onWaitingThreads) struct FolderTimeTests {
  let mount: WritingFixture

  /// `moves FOLDER COMMAND` and `stays FOLDER COMMAND` tell whether a command changes a folder's mtime, and its ctime with it.
  private static let tools = """
    both() { stat -c '%.9Y %.9Z' "$1"; }
    moves() { local before="$(both "$1")"; eval "$2"; local after="$(both "$1")"
      test "${before% *}" != "${after% *}" && test "${before#* }" != "${after#* }" || { echo "$2 leaves $1"; return 1; }; }
    stays() { local before="$(both "$1")"; eval "$2"; test "$before" = "$(both "$1")" || { echo "$2 moves $1"; return 1; }; }

    """

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1")
  }

  @Test func theTimeOfAVersionMovesWithItsFiles() throws {
    try mount.succeed(
      Self.tools + """
        moves small/v1.1 'echo x > small/v1.1/new.txt'
        stays small/v1.1 'echo y >> small/v1.1/new.txt'
        moves small/v1.1 'mv small/v1.1/new.txt small/v1.1/other.txt'
        moves small/v1.1 'mkdir small/v1.1/sub'
        stays small/v1.1 'echo z > small/v1.1/sub/z.txt'
        moves small/v1.1/sub 'rm small/v1.1/sub/z.txt'
        moves small/v1.1 'rmdir small/v1.1/sub'
        moves small/v1.1 'rm small/v1.1/model.pt'
        stays small 'rm small/v1.1/other.txt'
        mkdir small/v2; cat $IN/full/model.safetensors > $OUT/m
        moves small/v2 'cp $OUT/m small/v2/model.safetensors'
        """)
  }

  @Test func theTimeOfAModelMovesWithItsVersionsLinksAndFiles() throws {
    try mount.succeed(
      Self.tools + """
        moves small 'mkdir small/v2'
        stays small 'echo x > small/v2/x'
        stays small 'cp $IN/full/model.safetensors small/v2/'
        moves small 'ln -s v1.1 small/next; sleep 1.5'
        stays small 'sleep 1.5'
        moves small 'ln -sfn v1.1 small/active'
        moves small 'tantra set-active small v1.0'
        moves small 'echo small/v1.1 > .control/active'
        moves small 'mv small/next small/latest'
        moves small 'rm small/latest'
        moves small 'echo x > small/notes.txt'
        stays small 'echo y >> small/notes.txt'
        moves small 'rm small/notes.txt'
        moves small 'rm -r small/v2'
        moves small 'tantra import $IN/full/model.safetensors --model small --version v3'
        moves . 'mkdir fresh'
        stays . 'mkdir fresh/v1'
        moves . 'mv fresh renamed'
        moves . 'rm -r renamed'
        moves . 'tantra import $IN/full/model.safetensors --model another --version v1'
        """)
  }

  @Test func theTimeOfALinkIsThatOfItsLastSwitch() throws {
    try mount.succeed(
      Self.tools + """
        moves small/active 'tantra set-active small v1.1'
        stays small/active 'ln -s v1.1 small/next; echo x > small/notes.txt'
        stays small/next 'sleep 1.5; tantra set-active small v1.0'
        moves small/next 'sleep 0.1; ln -sfn v1.0 small/next'
        """)
  }

  @Test func timesOutliveAMountAndAKill() throws {
    try mount.succeed(
      Self.tools + """
        mkdir -p fresh/v1/sub; ln -s v1.0 small/next; echo x > small/v1.0/x; echo x > fresh/v1/sub/x; touch -d @1234567 small/v1.1
        echo small/v1.1 > .control/active
        sleep 1.5
        all() { for name in . small small/active small/next small/v1.0 small/v1.1 fresh fresh/v1 fresh/v1/sub; do both $name; done; }
        all > $OUT/before
        cd /; tantra unmount $MNT; tantra mount $MNT; cd $MNT
        all | diff $OUT/before -
        kill -9 $(sed -n 's/^\\([a-z]* \\)\\?\\([0-9][0-9]*\\)$/\\2/p' $TANTRA_STORE/.staging/lock | head -n 1)
        flock --timeout 10 $TANTRA_STORE/.staging/lock true
        cd /; tantra mount $MNT; cd $MNT
        all | diff $OUT/before -
        """)
  }

  @Test func aCopyThatKeepsTimesKeepsThoseOfFolders() throws {
    try mount.succeed(
      """
      touch -d @1234567 small/v1.0/tokenizer; touch -d @2345678 small/v1.0; touch -d @3456789 small
      cp -a small other
      for name in v1.0/tokenizer v1.0 .; do test $(stat -c %Y other/$name) = $(stat -c %Y small/$name); done
      """)
  }
}
