import TestSupport
import Testing

/// Weight files under names of their own: adapters, parts of pipelines, checkpoints of trainers.
@Suite("Promises 1 to 5: components", canMount, .onWaitingThreads) struct ComponentTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed(
      """
      mkdir -p $OUT/lora $OUT/pipe/unet $OUT/pipe/vae
      cp $IN/full/model.safetensors $OUT/lora/adapter_model.safetensors; echo '{}' > $OUT/lora/adapter_config.json
      cp $IN/full/model.safetensors $OUT/pipe/unet/diffusion_pytorch_model.safetensors
      cp $IN/other/model.pt $OUT/pipe/vae/weights.ckpt; echo '{}' > $OUT/pipe/model_index.json
      """)
  }

  @Test(arguments: ["lora", "pipe"]) func aFolderOfComponentsIsAVersion(name: String) throws {
    try mount.succeed(
      """
      mkdir m; cp -r $OUT/\(name) m/v1; diff -r $OUT/\(name) m/v1
      test "$(readlink m/active)" = v1; test ! -e m/v1/model.pt
      tantra list-weights m | grep -q v1
      tantra validate m | grep -q 'm/v1: valid'
      (cd m/v1 && sha256sum --quiet -c $MNT/.control/versions/m/v1/SHA256SUMS)
      test "$(find m/v1 -type f | wc -l)" = "$(wc -l < .control/versions/m/v1/SHA256SUMS)"
      size=0; for file in $(find m/v1 -name '*.safetensors' -o -name '*.ckpt'); do
        size=$((size + $(stat -c %s $file))); done
      tantra list-weights m --json | python -c "
      import json, sys
      line = json.load(sys.stdin)[0]
      assert line['tensors'] > 0 and line['parameters'] > 0 and line['byteCount'] == $size, line"
      cp -r m/v1 m/v2; diff -r m/v1 m/v2
      tantra diff m v1 v2
      tantra export m v1 --folder --to $OUT/out; diff -r $OUT/\(name) $OUT/out/m_v1
      tantra backup m v1 --to $OUT/copy; TANTRA_STORE=$OUT/copy tantra validate m
      cd /; tantra unmount $MNT; tantra import $OUT/\(name) --model again; tantra mount $MNT; cd $MNT
      diff -r $OUT/\(name) again/v1.0
      """)
  }

  @Test func aComponentIsStoredByTensorAndServedAsWritten() throws {
    try mount.succeed("mkdir m; cp -r $IN/full m/v1")
    let before = try mount.storedBytes
    try mount.succeed(
      "cp m/v1/model.safetensors m/v1/copy.safetensors; cmp $IN/full/model.safetensors m/v1/copy.safetensors")
    let after = try mount.storedBytes
    #expect(after == before)
  }

  @Test func whatIsNoWeightsUnderSuchANameIsAnOrdinaryFile() throws {
    try mount.succeed(
      """
      mkdir -p m/v1
      echo text > $OUT/text; head -c 100000 /dev/zero > $OUT/zeros
      cp $OUT/text m/v1/vocab.bin; cp $OUT/zeros m/v1/data.pt; touch m/v1/empty.bin; mkdir m/v1/folder.bin
      cmp $OUT/text m/v1/vocab.bin; cmp $OUT/zeros m/v1/data.pt; test -f m/v1/empty.bin; test ! -s m/v1/empty.bin
      test -z "$(tantra list-weights m | grep v1)"
      # What is written later may be weights, and the other way round.
      cp $IN/full/model.safetensors m/v1/vocab.bin; cmp $IN/full/model.safetensors m/v1/vocab.bin
      tantra list-weights m | grep -q v1
      rm m/v1/data.pt; cp $IN/other/model.pt m/v1/data.pt; tantra validate m
      """)
    try mount.fail("cp $OUT/text m/v1/data.pt", "Invalid argument", reason: "published as weights")
    try mount.succeed("cmp $IN/other/model.pt m/v1/data.pt")
  }

  @Test func aChosenVersionKeepsItsComponents() throws {
    try mount.succeed("mkdir m; cp -r $OUT/lora m/v1; tantra set-active m v1")
    for script in [
      "cp $IN/other/model.safetensors m/v1/adapter_model.safetensors", "rm m/v1/adapter_model.safetensors",
      "mv m/v1/adapter_model.safetensors m/v1/other.safetensors",
    ] {
      try mount.fail(script, "Operation not permitted", reason: "frozen")
    }
    try mount.succeed("diff -r $OUT/lora m/v1; cp $IN/other/model.safetensors m/v1/second.safetensors")
  }

  @Test func twoFilesOfTheMainStateDictStandSideBySide() throws {
    // The one has a tensor more than the other; whichever comes first, model.safetensors rules.
    try mount.succeed(
      """
      mkdir $OUT/two m; cp $IN/full/model.safetensors $OUT/two/; cp $IN/other/model.pt $OUT/two/pytorch_model.bin
      for order in 'model.safetensors pytorch_model.bin' 'pytorch_model.bin model.safetensors'; do
        mkdir m/v; for file in $order; do cp $OUT/two/$file m/v/; done
        for file in $order; do cmp $OUT/two/$file m/v/$file; done
        python -c 'import torch; print(torch.load("m/v/model.pt", weights_only=True)["a.bias"].item())' > $OUT/said
        grep -qx 0.5 $OUT/said
        tantra validate m; rm -r m/v
      done
      tantra import $OUT/two --model two; diff $OUT/two/pytorch_model.bin two/v1.0/pytorch_model.bin
      """)
  }

  @Test func whatIsKeptUnreadIsAWeightFile() throws {
    try mount.succeed(
      """
      mkdir -p m/v1; python \(Python.oraclesFolder)/gguf_imports.py one $OUT/a.gguf Q8_0
      { printf '\\x89HDF\\r\\n\\x1a\\n'; head -c 3000 /dev/urandom; } > $OUT/b.h5
      cp $OUT/a.gguf m/v1/model-Q8_0.gguf; cp $OUT/b.h5 m/v1/tf_model.h5
      tantra list-weights m | grep -q v1; tantra validate m
      cmp $OUT/a.gguf m/v1/model-Q8_0.gguf; cmp $OUT/b.h5 m/v1/tf_model.h5
      tantra export m v1 --folder --to $OUT/out; cmp $OUT/a.gguf $OUT/out/m_v1/model-Q8_0.gguf
      tantra backup m v1 --to $OUT/copy; TANTRA_STORE=$OUT/copy tantra validate m
      python -c 'import torch; torch.jit.script(torch.nn.Linear(2, 2)).save("'$OUT'/script.pt")'
      cp $OUT/script.pt m/v1/script.pt; tantra config m pickles allow; cmp $OUT/script.pt m/v1/script.pt
      """)
  }
}
