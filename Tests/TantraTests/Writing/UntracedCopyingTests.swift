import TestSupport
import Testing

/// Copies work where the daemon may not look at who copies: here it is root without the right to trace others.
@Suite("Promise 8: copies without rights to trace", canMount, .onWaitingThreads) struct UntracedCopyingTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture(mounted: false)
    let command = try mount.run("\(Self.untraced) tantra mount $MNT; cd $MNT; mkdir small")
    if command.status != 0 { throw OracleFailure(description: command.errorText) }
  }

  private static let untraced = "setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace"

  @Test func theDaemonMayNotLook() throws {
    try mount.succeed("! \(Self.untraced) cat /proc/$$/syscall")
  }

  @Test(arguments: ["cp -r", "cp -a", "unshare --pid --fork cp -r"]) func aVersionIsCopiedInAndOver(tool: String) throws
  {
    try mount.succeed(
      """
      \(tool) $IN/full small/v1.0
      for file in $(cd $IN/full && find . -type f); do cmp $IN/full/$file small/v1.0/$file; done
      \(tool) small/v1.0 small/v1.1
      cp -al small/v1.0 small/v1.2
      diff -r small/v1.0 small/v1.1; diff -r small/v1.0 small/v1.2
      tantra validate small
      """)
  }

  @Test func anArchiveIsUnpacked() throws {
    try mount.succeed(
      """
      mkdir small/v1.0 small/v1.1; tar c -C $IN/full . | tar x -C small/v1.0
      for file in $(cd $IN/full && find . -type f); do cmp $IN/full/$file small/v1.0/$file; done
      # Names in another order.
      tar c -C $IN/full model.safetensors model.pt model.bin config.json | tar x -C small/v1.1
      cmp small/v1.1/model.bin $IN/full/model.bin
      """)
  }

  @Test(arguments: ["cp -r", "cp -a", "cp -al"]) func aModelIsCopiedWithItsLinks(tool: String) throws {
    try mount.succeed(
      """
      cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1
      ln -sfn v1.1 small/active; ln -s v1.0 small/stable
      for turn in 1 2 3; do
        \(tool) small from$turn
        \(tool) from$turn to$turn
        test "$(readlink to$turn/active)" = v1.1
        test "$(readlink to$turn/stable)" = v1.0
        diff -r small to$turn
      done
      """)
  }

  @Test func othersSeeAllFormatsAtOnceAndSoDoesTheCopierAfterAMoment() throws {
    try mount.succeed(
      """
      mkdir small/v1.0
      cat > $OUT/fill.py <<'END'
      import os, subprocess, sys, time
      source, folder = sys.argv[1:]
      def make(name):
          file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
          os.write(file, open(f"{source}/{name}", "rb").read())
          return file
      os.close(make("model.bin"))
      assert os.path.exists(f"{folder}/model.bin") and not os.path.exists(f"{folder}/model.pt")
      # That another has looked is not in the way, either.
      for name in ("model.pt", "model.safetensors"):
          subprocess.run(["test", "-e", f"{folder}/{name}"], check=True)
      os.close(make("model.pt"))
      assert os.path.exists(f"{folder}/model.pt") and not os.path.exists(f"{folder}/model.safetensors")
      notes = os.open(f"{folder}/notes.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
      time.sleep(1.3)
      os.close(make("model.safetensors"))
      os.close(notes)
      os.unlink(f"{folder}/model.bin")
      os.link(f"{folder}/model.pt", f"{folder}/model.bin")
      os.unlink(f"{folder}/model.bin")
      time.sleep(1.3)
      assert os.path.exists(f"{folder}/model.pt")
      END
      python $OUT/fill.py $IN/full small/v1.0
      for name in model.pt model.safetensors; do cmp small/v1.0/$name $IN/full/$name; done
      """)
  }
}
