import TestSupport
import Testing

/// torch, safetensors, numpy and transformers writing into the mount as they write anywhere.
@Suite("Promise 1: libraries", canMount) struct LibraryTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture() }

  @Test(arguments: ["torch_save", "torch_save_checkpoint", "save_file", "copytree", "memmap"])
  func whatALibraryWritesItReadsBack(case name: String) throws {
    try mount.succeed("mkdir small; python $ORACLES/mount_write.py \(name) small/v1.0 $IN/full $OUT")
  }

  @Test(arguments: ["plain", "sharded"])
  func savePretrainedWritesAFolderThatLoads(how: String) throws {
    try mount.succeed(
      """
      mkdir tiny
      python $ORACLES/mount_save_pretrained.py \(how) tiny/v1.0 $OUT
      tantra validate tiny
      """)
  }

  @Test func aTrainerWritesItsCheckpoints() throws {
    try mount.succeed(
      """
      mkdir tiny
      python $ORACLES/mount_trainer.py tiny $OUT
      ls tiny/checkpoint-1/optimizer.pt tiny/checkpoint-2/training_args.bin tiny/checkpoint-3/model.safetensors
      """)
  }
}
