import TestSupport
import Testing

/// Editors, git and databases in a version's folder.
@Suite("Promise 12: programs", canMount, .onWaitingThreads) struct ProgramTests {
  let mount: WritingFixture

  init() throws {
    mount = try WritingFixture()
    try mount.succeed("mkdir small; cp -r $IN/full small/v1.0; printf 'one\\ntwo\\n' > small/v1.0/notes.txt")
  }

  /// Each way in which vim keeps what was there: by a rename, by a copy, not at all.
  @Test func vimSavesAndKeepsABackup() throws {
    try mount.succeed(
      """
      cd small/v1.0
      for how in 'backup backupcopy=no' 'backup backupcopy=yes' 'nobackup writebackup' 'nobackup nowritebackup'; do
        rm -f v.txt*; cp notes.txt v.txt; chmod 640 v.txt
        vim.tiny -u NONE -N -e -s -c 'set backupskip=' -c "set $how" -c '%s/two/2/' -c 'wq' v.txt
        test "$(cat v.txt)" = $'one\\n2'; test "$(stat -c %a v.txt)" = 640
        case $how in
          backup*) cmp v.txt~ notes.txt; ls -A | grep '^v[.]' | diff - <(printf '%s\\n' v.txt v.txt~);;
          *) test "$(ls -A | grep '^v[.]')" = v.txt;;
        esac
      done
      """)
  }

  @Test func vimFindsTheSwapFileOfAnEditorThatWasKilled() throws {
    try mount.succeed(
      """
      cd small/v1.0
      python - <<'PYTHON'
      import os, pty, signal, time
      pid, terminal = pty.fork()
      if pid == 0:
          os.environ["TERM"] = "xterm"
          os.execvp("vim.tiny", ["vim.tiny", "-u", "NONE", "-N", "-c", "set updatecount=1", "notes.txt"])
      time.sleep(0.3)
      os.write(terminal, b"Gothree\\x1b:preserve\\r")
      deadline = time.time() + 20
      while True:
          os.set_blocking(terminal, False)
          try: os.read(terminal, 65536)
          except BlockingIOError: pass
          try:
              if b"three" in open(".notes.txt.swp", "rb").read(): break
          except FileNotFoundError: pass
          assert time.time() < deadline, os.listdir(".")
          time.sleep(0.05)
      os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
      PYTHON
      vim.tiny -u NONE -N -e -s -r notes.txt -c 'w! recovered.txt' -c 'q!' > /dev/null
      test "$(cat recovered.txt)" = $'one\\ntwo\\nthree'
      """)
  }

  @Test func nanoSavesAndKeepsABackup() throws {
    try mount.succeed(
      """
      cd small/v1.0
      python - <<'PYTHON'
      import os, pty, time
      pid, terminal = pty.fork()
      if pid == 0:
          os.environ.update(TERM="xterm", HOME=os.environ["OUT"])
          os.execvp("nano", ["nano", "--ignorercfiles", "--backup", "notes.txt"])
      screen, deadline = b"", time.time() + 20
      def expect(text):
          global screen
          while text not in screen:
              assert time.time() < deadline, screen
              screen += os.read(terminal, 65536)
          screen = b""
      expect(b"two"); os.write(terminal, b"zero \\x0f"); expect(b"Write"); os.write(terminal, b"\\r"); expect(b"Wrote")
      os.write(terminal, b"\\x18")
      try:
          while os.read(terminal, 65536): pass
      except OSError: pass
      assert os.waitpid(pid, 0)[1] == 0
      PYTHON
      test "$(cat notes.txt)" = $'zero one\\ntwo'; test "$(cat notes.txt~)" = $'one\\ntwo'
      """)
  }

  @Test func emacsSavesAndNumbersItsBackups() throws {
    try mount.succeed(
      """
      cd small/v1.0
      for copies in nil t; do
        emacs --batch -Q --eval "(let ((backup-enable-predicate (lambda (_) t)) (version-control t) (backup-by-copying $copies))
          (find-file \\"notes.txt\\") (insert \\"zero\\n\\") (lock-buffer) (do-auto-save)
          (unless (file-symlink-p \\".#notes.txt\\") (kill-emacs 3)) (save-buffer))" 2> /dev/null
      done
      test "$(cat notes.txt)" = $'zero\\nzero\\none\\ntwo'
      test "$(cat notes.txt.~1~)" = $'one\\ntwo'; test "$(cat notes.txt.~2~)" = $'zero\\none\\ntwo'
      test -z "$(ls -A | grep '^[.#]')"
      """)
  }

  @Test func gitKeepsARepositoryAndClonesItInsideTheMountAndOut() throws {
    try mount.succeed(
      """
      export HOME=$OUT GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
      cd small/v1.0; git init -q -b main .
      for number in 1 2 3; do
        echo $number >> notes.txt; git add -A; git commit -q -m "Commit $number"
      done
      git checkout -q -b other; mkdir data; seq 5000 > data/numbers; git add -A; git commit -q -m numbers
      git checkout -q main; test ! -e data; git merge -q other
      test -z "$(git status --porcelain)"; test $(git log --oneline | wc -l) = 4
      git fsck --strict 2> /dev/null; git gc -q; git fsck 2> /dev/null; test -e .git/objects/pack/*.pack
      echo 4 >> notes.txt; git commit -q -a -m 'After the collection'
      # A clone on the same file system links objects, and looks whether they are linked.
      git clone -q . ../v2; git clone -q --no-local . $OUT/clone
      for clone in ../v2 $OUT/clone; do
        git -C $clone fsck 2> /dev/null; diff -r --exclude=.git . $clone
      done
      echo 5 >> ../v2/notes.txt; git -C ../v2 commit -q -a -m 'In the clone'; git -C ../v2 push -q origin HEAD:from-clone
      test "$(git log -1 --format=%s from-clone)" = 'In the clone'
      sleep 11; test $(stat -c %i notes.txt) != $(stat -c %i ../v2/notes.txt)
      cd ..; tantra validate small > $OUT/validation; grep '^small/v2: valid' $OUT/validation
      """)
  }

  @Test func aProgramKnowsItsFolderWhileFilesComeAndGoThere() throws {
    try mount.succeed(
      """
      python - small/v1.0 <<'PYTHON'
      import multiprocessing, os, sys, time
      folder, stop = os.path.abspath(sys.argv[1]), multiprocessing.Value("i", 0)
      def change():
          while not stop.value:
              with open(folder + "/come.txt", "w") as file: file.write("x")
              os.remove(folder + "/come.txt")
      def look():
          while not stop.value: os.stat(folder + "/notes.txt")
      os.chdir(folder)
      # What was published before is being told to the kernel until this works for a while.
      begin = since = time.time()
      while time.time() < since + 2 and time.time() < begin + 60:
          try: os.getcwd()
          except FileNotFoundError:
              os.chdir(folder)
              since = time.time()
      others = [multiprocessing.Process(target=what) for what in (change, look)]
      for other in others: other.start()
      end = time.time() + 1
      try:
          while time.time() < end: assert os.getcwd() == folder
      finally:
          stop.value = 1
          for other in others: other.join()
      PYTHON
      """)
  }

  @Test func aDatabaseGrowsIsCompactedAndSurvivesAKill() throws {
    try mount.succeed(
      """
      cd small/v1.0
      for mode in wal delete; do
        sqlite3 $mode.db "pragma journal_mode=$mode; create table t(x)" > /dev/null
        # Each looks at the file's first bytes before it takes a lock, while the other may be writing them.
        for writer in 1 2; do
          (for number in $(seq 20); do
            sqlite3 -cmd '.timeout 20000' $mode.db "insert into t select randomblob(200) from generate_series(1, 50)"
          done) &
        done
        wait
        test $(sqlite3 $mode.db 'select count(*) from t') = 2000
        sqlite3 $mode.db "delete from t where rowid % 2; vacuum; pragma integrity_check" | diff - <(echo ok)
        # A transaction that is never finished.
        python - $mode.db <<'PYTHON' || true
      import os, sqlite3, sys
      base = sqlite3.connect(sys.argv[1], isolation_level=None)
      base.execute("pragma cache_size=2"); base.execute("begin immediate"); base.execute("update t set x = randomblob(300)")
      os.kill(os.getpid(), 9)
      PYTHON
        test $(sqlite3 $mode.db 'select count(*) from t where length(x) = 200') = 1000
        sqlite3 $mode.db .dump | sqlite3 $OUT/$mode.db; cmp <(sqlite3 $mode.db .dump) <(sqlite3 $OUT/$mode.db .dump)
      done
      """)
  }
}
