import Glibc
import TestSupport
import Testing

/// A daemon in a container serves programs of other containers, whose processes have no numbers that it could know: all are 0 to it.
@Suite("Promise 3: writers of other containers", canMount, .onWaitingThreads) struct ContainerTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture(mounted: false) }

  @Test func writersWithoutNumbersAreToldApart() throws {
    try #require(getuid() == 0, "only root can have a daemon in a container")
    try mount.succeed(
      """
      mkdir -p $MNT; mount --bind $MNT $MNT; mount --make-shared $MNT
      unshare --mount --propagation unchanged --pid --mount-proc --fork --kill-child \
        tantra mount $MNT --foreground 2> $OUT/log & daemon=$!
      trap 'umount -l $MNT; umount -l $MNT; wait $daemon || true' EXIT
      until grep -q " $MNT fuse.tantra" /proc/mounts; do sleep 0.05; done
      for model in 1 2 3 4; do
        mkdir -p $MNT/m$model/v1
        cp $IN/full/model.safetensors $MNT/m$model/v1
      done
      write() {
        for turn in 1 2 3 4 5 6 7 8; do
          for from in other full; do
            cp $IN/$from/model.safetensors $MNT/m$1/v1/model.safetensors
            cmp $IN/$from/model.safetensors $MNT/m$1/v1/model.safetensors
          done
        done
      }
      writers=
      for model in 1 2 3 4; do write $model & writers="$writers $!"; done
      for writer in $writers; do wait $writer; done
      """)
  }
}
