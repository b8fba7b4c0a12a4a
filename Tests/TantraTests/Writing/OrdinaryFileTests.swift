import TestSupport
import Testing

/// Ordinary files behave as on a disk, for programs that count on it.
@Suite(canMount, .onWaitingThreads) struct OrdinaryFileTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir -p run/v1")
  }

  @Test func twoAppendersLoseNoLineAndAReaderSeesTheLogGrow() throws {
    try mount.succeed(
      """
      log=run/v1/train.log; : > $log
      for who in a b; do
        (for number in $(seq 50); do echo $who$number; sleep 0.01; done >> $log) &
      done
      for look in $(seq 200); do test $(wc -l < $log) -ge 2 && break; sleep 0.05; done
      test $(wc -l < $log) -ge 2
      wait; test $(sort -u $log | wc -l) = 100
      """)
  }

  @Test func whatAKilledWriterHadWrittenStays() throws {
    try mount.succeed(
      """
      python -c "import os; f = open('run/v1/a.log', 'w'); f.write('kept'); f.flush(); os.kill(os.getpid(), 9)" || true
      for look in $(seq 100); do test "$(cat run/v1/a.log)" = kept && break; sleep 0.05; done
      test "$(cat run/v1/a.log)" = kept
      """)
  }

  @Test func aDatabaseIsSharedByItsConnections() throws {
    try mount.succeed(
      """
      for mode in delete truncate persist wal; do
        python - run/v1/$mode.db $mode <<'PYTHON'
      import sqlite3, sys
      path, mode = sys.argv[1:]
      a = sqlite3.connect(path)
      assert a.execute("pragma journal_mode=" + mode).fetchone()[0] == mode
      a.execute("create table t(x)"); a.execute("insert into t values(1)"); a.commit()
      b = sqlite3.connect(path)
      assert b.execute("select count(*) from t").fetchone()[0] == 1
      b.execute("insert into t values(2)"); b.commit()
      assert a.execute("select count(*) from t").fetchone()[0] == 2
      a.close(); b.close()
      c = sqlite3.connect(path)
      assert c.execute("pragma integrity_check").fetchone()[0] == "ok"
      PYTHON
      done
      """)
  }

  @Test(arguments: ["flock", "lockf"]) func twoProcessesCannotHoldOneLock(kind: String) throws {
    try mount.succeed(
      """
      python - run/v1/a.lock <<'PYTHON'
      import fcntl, subprocess, sys
      f = open(sys.argv[1], "w"); fcntl.\(kind)(f, fcntl.LOCK_EX)
      other = '''
      import fcntl, sys
      f = open(sys.argv[1], "r+")
      try: fcntl.\(kind)(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except OSError: sys.exit(0)
      sys.exit(1)
      '''
      sys.exit(subprocess.run([sys.executable, "-c", other, sys.argv[1]]).returncode)
      PYTHON
      """)
  }

  @Test func mappingsWritesAndCutsAgreeWithAFileOnADisk() throws {
    try mount.succeed("python $ORACLES/random_file_changes.py $OUT/on-disk run/v1/mounted 3000 1")
  }

  @Test func aSignalThatTheWriterSurvivesCostsNothing() throws {
    try mount.succeed(
      """
      python - <<'PYTHON'
      import os, signal
      signal.signal(signal.SIGALRM, lambda *a: None); signal.siginterrupt(signal.SIGALRM, False)
      signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
      for i in range(60):
          with open(f"run/v1/s{i}", "w") as f: f.write("x" * 1000)
      signal.setitimer(signal.ITIMER_REAL, 0)
      assert all(os.path.getsize(f"run/v1/s{i}") == 1000 for i in range(60))
      PYTHON
      """)
  }

  /// A shell closes a copy of its descriptor before it writes: the empty file is nothing that an edition should keep.
  @Test func anEarlierEditionHasItsFilesAndNoEmptyOnes() throws {
    try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1; tantra set-active small v1 > /dev/null; tantra config small frozen never > /dev/null
      for round in 1 2 3 4 5; do
        echo $round > small/v1/new.$round; echo $round > small/v1/notes; chmod 600 small/v1/notes
        cp $IN/other/model.safetensors small/v1/; tantra restore small v1@$((2 * round - 1)) > /dev/null
        test $(cat small/v1/new.$round) = $round; test -s small/v1/notes; test $(stat -c %a small/v1/notes) = 600
      done
      """)
  }

  /// Under a name of weights, too: `cp` takes a file for another one if its number changes while it looks.
  @Test func aFileKeepsItsInodeWhenItIsStored() throws {
    try mount.succeed(
      """
      for name in notes.txt names.bin other.ckpt model.onnx.pt; do
        for round in 1 2 3; do
          echo $round >> run/v1/$name; first=$(stat -c %i run/v1/$name); sleep 0.3
          test $(stat -c %i run/v1/$name) = $first; cat run/v1/$name > /dev/null; test $(stat -c %i run/v1/$name) = $first
          cp -a run/v1/$name run/v1/copy; cmp run/v1/$name run/v1/copy
        done
      done
      """)
  }

  @Test func namesAreAsLongAsOnADisk() throws {
    try mount.succeed(
      """
      cd run/v1
      python - <<'PYTHON'
      import errno, os
      open("y" * 255, "w").close()
      try: open("x" * 256, "w"); raise SystemExit("256 bytes were accepted")
      except OSError as error: assert error.errno == errno.ENAMETOOLONG, error
      PYTHON
      """)
  }
}
