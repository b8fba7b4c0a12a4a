import TestSupport
import Testing

/// torch, safetensors, numpy and transformers writing into the mount as they write anywhere.
@Suite("Promise 1: libraries", canMount, .onWaitingThreads) struct LibraryTests {
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

  @Test func theTrainerOfTransformersAndAccelerateKeepResumeAndLoadCheckpoints() throws {
    try mount.succeed(
      """
      mkdir tiny
      python $ORACLES/mount_trainer.py tiny $OUT
      ls -F tiny | diff - <(printf '%s\\n' active@ checkpoint-1/ checkpoint-4/ checkpoints/ config.json generation_config.json \\
        model.safetensors run/ trainer_state.json training_args.bin)
      tantra validate tiny > $OUT/validation
      for version in checkpoint-1 checkpoint-4 checkpoints run; do grep "^tiny/$version: valid" $OUT/validation; done
      """)
  }

  @Test func lightningKeepsItsBestAndLastCheckpointsAndALogIsReadWhileItGrows() throws {
    try mount.succeed(
      """
      mkdir tiny
      python $ORACLES/mount_lightning.py tiny
      tantra validate tiny > $OUT/validation
      for version in v1 v2; do grep "^tiny/$version: valid" $OUT/validation; done
      """)
  }

  @Test func diffusersAndPeftReadBackWhatTheySave() throws {
    try mount.succeed(
      """
      mkdir pipe lora
      python $ORACLES/mount_pipelines.py pipe lora
      tantra validate pipe > $OUT/validation; tantra validate lora >> $OUT/validation
      for version in pipe/v1 pipe/v2 pipe/v3 pipe/v4 lora/v1 lora/v2; do grep "^$version: valid" $OUT/validation; done
      """)
  }

  @Test func aDownloadThatBreaksOffGoesOnWhereItWas() throws {
    try mount.succeed(
      """
      mkdir tiny
      python $ORACLES/mount_hub.py tiny/v1 $OUT
      test "$(readlink tiny/active)" = v1
      python -c 'from safetensors import safe_open; assert safe_open("tiny/v1/model.safetensors", "np").keys() == ["a"]'
      """)
  }
}
