import TestSupport
import Testing

/// Promise 5: an open file keeps its bytes until it is closed.
@Suite("Promise 5: open files", canMount, .onWaitingThreads) struct OpenReaderTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture(weights: .trained())
    try mount.succeed("mkdir small; cp -r $IN/plain small/v0; cp -r $IN/full small/v1.0")
  }

  private static let changes = [
    "cp $IN/full/model.pt small/v1.0/model.pt; cp $IN/full/model.safetensors small/v1.0/",
    "for f in model.pt model.bin model.safetensors config.json; do : > small/v1.0/$f; done",
    "for f in model.pt model.bin config.json; do truncate -s 0 small/v1.0/$f; truncate -s 9 small/v1.0/$f; done",
    "cp $IN/other/model.pt small/v1.0/model.pt; echo other > small/v1.0/config.json",
    "cp $IN/full/model.pt small/v1.0/t; mv small/v1.0/t small/v1.0/model.pt; echo x > small/v1.0/t; mv small/v1.0/t small/v1.0/config.json",
    "rm small/v1.0/model.*; rm small/v1.0/config.json", "rm -r small/v1.0", "mv small/v1.0 small/v2.0",
    "rm -r small/v1.0; echo small > .control/purge", "rm -r small/v1.0; cp -r $IN/other small/v1.0",
  ]

  /// Whether the files are plain or compressed.
  @Test(arguments: changes, [false, true])
  func aDescriptorAndAMappingKeepEveryByteThrough(change: String, isCompressed: Bool) throws {
    if isCompressed {
      try mount.succeed("tantra compress small/v1.0 > /dev/null; ls $TANTRA_STORE/weights/sha256/*/*.z > /dev/null")
    }
    try mount.succeed("python $ORACLES/mount_readers.py $MNT small v1.0 $IN/full '\(change)'")
  }

  @Test func writersThatComeAfterTheClosePublishNothing() throws {
    try mount.succeed("python $ORACLES/mount_late_writers.py $MNT/small/late $IN/full; tantra validate small")
  }
}
