import Foundation
import TestSupport
import Testing

/// Every command finds the store in one way: by its name, else the only one that is mounted, else where stores are.
@Suite struct StoreLocationTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(shipped: false) }

  /// Runs a script that sees no mount but its own, with no store named.
  private func run(_ script: String) throws -> Command {
    let preparation = """
      set -e
      awk '$3 == "fuse.tantra" { print $2 }' /proc/mounts | while read -r other; do umount -l "$other"; done
      tantra() { \(TantraFixture.executable) "$@"; }
      finish() { for m in $(awk '$3 == "fuse.tantra" { print $2 }' /proc/mounts); do umount -l "$m"; done; }
      trap finish EXIT
      cd \(fixture.scratch.path)

      """
    return try Command.run(
      "env",
      [
        "-u", "TANTRA_STORE", "-u", "TANTRA_MOUNT", "unshare", "--mount", "--propagation", "private", "bash", "-c",
        preparation + script,
      ], environment: ["HOME": fixture.scratch("home"), "XDG_DATA_HOME": fixture.scratch("data")])
  }

  @Test func aMountedStoreIsFoundAndNoOtherIsMade() throws {
    let command = try run(
      """
      tantra init one; tantra mount weights --store one
      mkdir -p weights/small/v1
      \(Self.smallWeights) weights/small/v1/model.safetensors
      tantra list-weights small | grep -q v1
      cp weights/small/v1/model.safetensors small_v2_safetensors.safetensors
      tantra import small_v2_safetensors.safetensors 2> noted
      grep -qx "store $PWD/one" noted
      test -e weights/small/v2/model.pt
      test ! -e data
      tantra init two; tantra mount second --store two
      tantra list-models 2> several && exit 1
      grep -q 'several stores are mounted' several
      tantra list-models --store two
      tantra unmount --store two
      grep -q " $PWD/weights " /proc/mounts
      if grep -q " $PWD/second " /proc/mounts; then exit 1; fi
      tantra unmount
      if grep -q fuse.tantra /proc/mounts; then exit 1; fi
      """)
    #expect(command.status == 0, "\(command.outputText)\(command.errorText)")
  }

  @Test func anEmptyStoreIsMadeMountedAndFilled() throws {
    let command = try run(
      """
      tantra init empty | grep -q 'is an empty store'
      tantra init empty | grep -q 'is a store already'
      tantra mount weights --store empty | grep -q 'no models yet'
      tantra unmount
      tantra mount weights --store fresh && exit 1
      tantra mount weights --store fresh --create
      mkdir -p weights/a/v1
      \(Self.smallWeights) weights/a/v1/model.safetensors
      test "$(readlink weights/a/active)" = v1
      test -s weights/a/active/model.pt
      mkdir full; touch full/letter.txt
      tantra init full 2> refused && exit 1
      grep -q 'full holds letter.txt' refused
      """)
    #expect(command.status == 0, "\(command.outputText)\(command.errorText)")
  }

  /// A program that writes a safetensors file of one tensor of two bytes to the path that follows.
  private static let smallWeights = #"""
    python3 -c 'import sys, struct
    head = b"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}   "
    open(sys.argv[1], "wb").write(struct.pack("<Q", len(head)) + head + b"ab")'
    """#
}
