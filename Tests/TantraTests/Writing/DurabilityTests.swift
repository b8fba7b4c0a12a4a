import Foundation
import TestSupport
import Testing

/// Promises 3 and 12: what close acknowledged survives, what it did not is nowhere.
@Suite("Promise 12: kill -9 and full disks", canMount, .onWaitingThreads) struct DurabilityTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture() }

  /// A file that was closed under a name of weights becomes what it is, though the daemon was killed before its writer had gone.
  @Test func whatHoldsNoWeightsIsAnOrdinaryFileAfterAKill() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1; tantra config small frozen always > /dev/null
      exec 5> small/v1/x.bin; echo hello >&5; exec 6> small/v1/y.bin; head -c 100 $IN/full/model.safetensors >&6 || true
      cd /; kill -9 $(grep -o '[0-9]*' $TANTRA_STORE/.staging/lock | head -n 1); exec 5>&- 6>&- || true; sleep 0.5
      tantra mount $MNT; cd $MNT/small/v1
      test "$(cat x.bin)" = hello; test $(stat -c %s y.bin) = 100
      # What is no blob yet is a file of its own there.
      test $(find $TANTRA_STORE/.staging -type f -size 100c | wc -l) = 1
      test -z "$(grep -rl hello $TANTRA_STORE/.staging)"
      tail -c +101 $IN/full/model.safetensors >> y.bin; cmp y.bin $IN/full/model.safetensors
      """)
    try mount.fail("echo more >> small/v1/x.bin", "Operation not permitted", reason: "frozen")
    try mount.succeed("tantra rm small; tantra restore small/v1; test \"$(cat small/v1/x.bin)\" = hello")
  }

  @Test func aDaemonKilledAtAnyStepLosesNothingThatWasAcknowledged() throws {
    // Each step takes a mount and a remount: TANTRA_TEST_STRIDE=1 kills at all of them.
    let stride = ProcessInfo.processInfo.environment["TANTRA_TEST_STRIDE"] ?? "11"
    let died = try mount.succeed(
      """
      cd $OUT; tantra unmount $MNT
      mkdir seed
      TANTRA_STORE=$OUT/seed tantra import $IN/other/model.pt --model first > /dev/null
      python $ORACLES/mount_crash.py $(command -v tantra) $OUT/seed $IN $OUT 1 2000 \(stride)
      """)
    print(died)
    #expect(died.contains("survived"))
  }

  @Test(arguments: ["plain", "preallocating"])
  func aWriterKilledAtTwentyPointsPublishesNothing(how: String) throws {
    try mount.succeed(
      """
      mkdir -p small/v1.0
      python $ORACLES/mount_killed_writer.py \(how) small/v1.0
      tantra validate small
      # What was published keeps its staged name until its writer is gone for good.
      for turn in $(seq 50); do
        if test $(du -sb $TANTRA_STORE/.staging | cut -f 1) -lt 100000; then exit 0; fi
        sleep 0.1
      done
      ls -l $TANTRA_STORE/.staging; exit 1
      """)
  }

  @Test func aKilledDaemonKeepsWhatWasClosed() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0; mkdir small/v1.1; cp $IN/full/config.json small/v1.1/notes.txt
      exec 5> small/v1.1/model.safetensors; head -c 200 $IN/other/model.safetensors >&5 || true
      kill -9 $(sed -n 's/^\\([a-z]* \\)\\?\\([0-9][0-9]*\\)$/\\2/p' $TANTRA_STORE/.staging/lock | head -n 1)
      exec 5>&- || true
      cd /; sleep 0.3; tantra mount $MNT; cd $MNT
      for file in $(cd $IN/full && find . -type f); do cmp $IN/full/$file small/v1.0/$file; done
      cmp $IN/full/config.json small/v1.1/notes.txt
      # The part that was closed stays, and is no version.
      test $(stat -c %s small/v1.1/model.safetensors) = 200; test ! -e small/v1.1/model.pt
      tantra validate small
      """)
  }

  @Test func aFullDiskIsENOSPCAndCostsNothingElse() throws {
    try mount.succeed(
      """
      mkdir $OUT/disk $OUT/mnt
      mount -t tmpfs -o size=12m tmpfs $OUT/disk
      trap 'cd /; tantra unmount $OUT/mnt > /dev/null; sleep 0.5; umount -l $OUT/disk' EXIT
      export TANTRA_STORE=$OUT/disk/store
      tantra import $IN/full/model.safetensors --model small > /dev/null
      tantra mount $OUT/mnt > /dev/null; cd $OUT/mnt
      head -c 24000000 /dev/urandom > $OUT/big
      mkdir small/v2
      cp $OUT/big small/v2/big.dat && exit 9 || true
      # An ordinary file has what was written, as on a disk; half of a weight file is nothing.
      test $(stat -c %s small/v2/big.dat) -lt 24000000; rm small/v2/big.dat; tantra purge > /dev/null
      cp $OUT/big small/v2/model.safetensors && exit 9 || true
      test -z "$(ls -A small/v2)"
      # The kernel tells of the last close a moment after it.
      for turn in $(seq 50); do
        test $(df --output=used -B1 $OUT/disk | tail -n 1) -ge 2000000 || break; sleep 0.1
      done
      test $(df --output=used -B1 $OUT/disk | tail -n 1) -lt 2000000
      cp $IN/other/model.safetensors small/v2/
      cmp $IN/other/model.safetensors small/v2/model.safetensors
      cd /
      """)
  }
}
