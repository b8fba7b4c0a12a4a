import TestSupport
import Testing

/// A model's folder takes files, which behave as on a disk.
@Suite("Promise 12: files in a model's own folder", canMount, .onWaitingThreads) struct ModelFolderTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; cp -r $IN/other small/v1.1; echo card > $OUT/README.md")
  }

  @Test(arguments: [
    "cp $OUT/README.md small/", "cat $OUT/README.md > small/README.md",
    "mv $OUT/README.md small/; echo card > $OUT/README.md",
    "install -m 644 $OUT/README.md small/", "rsync -a $OUT/README.md small/",
    "tar -C $OUT -c README.md | tar -C small -x",
    "tee small/README.md < $OUT/README.md > /dev/null", "dd if=$OUT/README.md of=small/README.md status=none",
    "python -c 'open(\"small/README.md\", \"w\").write(\"card\\n\")'",
  ])
  func everyToolWritesAFileAndWritesItAgain(tool: String) throws {
    try mount.succeed(
      """
      \(tool)
      cmp small/README.md $OUT/README.md
      \(tool)
      cmp small/README.md $OUT/README.md
      ls small | diff - <(printf '%s\\n' README.md active v1.0 v1.1)
      tantra validate small > /dev/null
      """)
  }

  @Test func filesAreEditedReadRemovedAndOutliveAMountAKillAndAPurge() throws {
    try mount.succeed(
      """
      cp $OUT/README.md small/
      sed -i 's/card/model card/' small/README.md
      test "$(cat small/README.md)" = 'model card'
      exec 5>> small/train.log
      echo 'step 1' >&5; test "$(cat small/train.log)" = 'step 1'
      echo 'from elsewhere' >> small/train.log; echo 'step 2' >&5; exec 5>&-
      test "$(cat small/train.log)" = $'step 1\\nfrom elsewhere\\nstep 2'
      exec 5< small/README.md
      rm small/README.md; test ! -e small/README.md
      test "$(head -n 1 <&5)" = 'model card'; exec 5<&-
      touch -d '2020-02-03 04:05:06.789' $OUT/README.md
      cp -p $OUT/README.md small/
      python -c 'import os; f = open("small/state.json", "w"); f.write("{}"); f.flush(); os.fsync(f.fileno()); os.kill(os.getpid(), 9)' || true
      kill -9 $(sed -n 's/^\\([a-z]* \\)\\?\\([0-9][0-9]*\\)$/\\2/p' $TANTRA_STORE/.staging/lock | head -n 1)
      flock --timeout 10 $TANTRA_STORE/.staging/lock true
      cd /; tantra mount $MNT; cd $MNT
      cmp small/README.md $OUT/README.md
      test "$(stat -c %Y small/README.md)" = "$(stat -c %Y $OUT/README.md)"
      test "$(cat small/state.json)" = '{}'
      cd /; tantra unmount $MNT
      tantra purge > /dev/null
      tantra mount $MNT --read-only; cd $MNT
      cmp small/README.md $OUT/README.md
      test $(wc -l < small/train.log) = 3
      """)
    try mount.fail("echo x > small/README.md", "Read-only file system")
  }

  @Test(arguments: ["cp -r", "cp -a", "cp -al"]) func aModelIsCopiedWithItsFiles(tool: String) throws {
    try mount.succeed(
      """
      cp $OUT/README.md small/; cp $IN/full/config.json small/
      \(tool) small other
      diff -r small other
      rsync -a small/ $OUT/model/
      cmp $OUT/model/README.md small/README.md
      ! rsync -ai small/ $OUT/model/ | grep '^[<>]'
      rsync -ai $OUT/model/ small/ > $OUT/second
      ! grep '^[<>]' $OUT/second
      rm other/active; rm -r other; test ! -e other
      """)
  }

  @Test func theReadmeOfAnEarlierEditionIsShownAndIsAnOrdinaryFileOnceItChanges() throws {
    try mount.succeed(
      """
      cd /; tantra unmount $MNT
      cp $OUT/README.md $TANTRA_STORE/models/small/README.md; tantra mount $MNT; cd $MNT
      cmp small/README.md $OUT/README.md
      echo more >> small/README.md
      test "$(cat small/README.md)" = $'card\\nmore'
      test ! -e $TANTRA_STORE/models/small/README.md
      rm small/README.md; test ! -e small/README.md
      """)
  }

  @Test func weightsSavedIntoAModelsFolderAreKeptAsTheyAre() throws {
    try mount.succeed(
      """
      cp $IN/full/model.safetensors $IN/full/model.pt $IN/full/config.json small/
      cmp small/model.safetensors $IN/full/model.safetensors; cmp small/model.pt $IN/full/model.pt
      test ! -e small/model.bin
      ls small | diff - <(printf '%s\\n' active config.json model.pt model.safetensors v1.0 v1.1)
      mv small/model.safetensors small/model.pt
      python -c 'from safetensors.torch import load_file; load_file("small/model.pt")'
      mkdir small/v2; mv small/model.pt small/v2/model.safetensors
      ls small/v2 | diff - <(printf '%s\\n' model.bin model.pt model.safetensors)
      """)
  }

  @Test func transformersSavesIntoAModelsFolderAndReadsItBack() throws {
    try mount.succeed(
      """
      mkdir tiny
      python - <<'PYTHON'
      import torch
      from transformers import LlamaConfig, LlamaForCausalLM
      model = LlamaForCausalLM(LlamaConfig(
          vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2))
      for folder in ("tiny/checkpoint-1", "tiny", "tiny"):
          model.save_pretrained(folder)
          back = LlamaForCausalLM.from_pretrained(folder).state_dict()
          assert all(torch.equal(tensor, back[name]) for name, tensor in model.state_dict().items())
      PYTHON
      ls tiny | diff - <(printf '%s\\n' active checkpoint-1 config.json generation_config.json model.safetensors)
      """)
  }

  @Test(arguments: ["mv", "cp", "ln"]) func weightsOfAModelsFolderAreComponentsInAVersion(tool: String) throws {
    try mount.succeed(
      """
      cp $IN/full/model.safetensors small/last.safetensors
      \(tool) small/last.safetensors small/v1.1/adapter.safetensors
      cmp small/v1.1/adapter.safetensors $IN/full/model.safetensors
      python - <<'PYTHON'
      import json
      record = json.load(open(".control/versions/small/v1.1/manifest.json"))
      assert "adapter.safetensors" in [file["path"] for file in record["weights"]], record
      PYTHON
      """)
  }

  @Test func filesMoveBetweenAModelAndItsVersions() throws {
    try mount.succeed(
      """
      echo notes > small/notes.txt
      mv small/notes.txt small/v1.1/; mv small/v1.1/notes.txt small/again.txt; test "$(cat small/again.txt)" = notes
      mkdir fresh; mv small/again.txt fresh/; mv fresh renamed; test "$(cat renamed/again.txt)" = notes
      """)
    try mount.fail("rmdir renamed", "Directory not empty")
    try mount.succeed("rm renamed/again.txt; rmdir renamed; test ! -e renamed")
  }

  @Test func namesThatLeadToSomethingElseAreRefused() throws {
    try mount.fail("echo x > small/v1.0", "Is a directory")
    try mount.succeed("mkdir empty; echo x > empty/notes")
    try mount.fail("echo x > empty/active", "Operation not permitted", reason: "no file")
    try mount.fail("mkdir empty/notes", "File exists")
    try mount.fail("tantra import $IN/full/model.safetensors --model empty --version notes", "Not a directory")
    try mount.fail("mkdir empty/README.md", "Invalid argument")
  }

  @Test func anEditorKeepsItsFilesBesideTheOneThatItWrites() throws {
    try mount.succeed(
      """
      echo one > small/notes.txt
      python - <<'PYTHON'
      import os
      open("small/.notes.txt.swp", "w").write("swap")
      os.rename("small/notes.txt", "small/notes.txt~")
      with open("small/notes.txt", "w") as f: f.write("two\\n"); f.flush(); os.fsync(f.fileno())
      os.unlink("small/notes.txt~"); os.unlink("small/.notes.txt.swp")
      PYTHON
      ls -A small | diff - <(printf '%s\\n' active notes.txt v1.0 v1.1)
      test "$(cat small/notes.txt)" = two
      """)
  }
}
