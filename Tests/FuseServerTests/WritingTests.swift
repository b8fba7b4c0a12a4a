import FuseServer
import PosixIO
import TestSupport
import Testing

/// Making, writing, renaming and removing through a real mount.
@Suite(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
struct WritingTests {
  private func succeed(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let mount = try MountedFixture()
    let result = try mount.shell("set -eu; " + script)
    #expect(result.status == 0, "\(result.outputText)\(result.errorText)", sourceLocation: sourceLocation)
  }

  @Test func filesAreMadeReadRenamedAndRemoved() throws {
    try succeed(
      """
      cd scratch; mkdir -p a/b; echo one > a/b/file; cmp a/b/file <(echo one)
      echo two >> a/b/file; test "$(cat a/b/file)" = $'one\\ntwo'
      ln -s a/b/file link; test "$(tail -n 1 link)" = two; ln a/b/file hard; cmp hard link
      mv a/b/file moved; cat moved; ! cat a/b/file 2> /dev/null
      echo other > other; mv -n moved other; test "$(cat other)" = other; mv moved other; test "$(head -n 1 other)" = one
      rmdir a/b; rm -r a; ! test -e a; ls | grep -q hard
      """)
  }

  @Test func renamesThatKeepOrExchangeReachTheFileSystem() throws {
    try succeed(
      """
      cd scratch; echo 1 > a; echo 2 > b
      python3 - <<'PYTHON'
      import ctypes, errno, os
      libc = ctypes.CDLL(None, use_errno=True)
      assert libc.renameat2(-100, b"a", -100, b"b", 1) == -1 and ctypes.get_errno() == errno.EEXIST
      assert libc.renameat2(-100, b"a", -100, b"b", 2) == 0, ctypes.get_errno()
      assert open("a").read() == "2\\n" and open("b").read() == "1\\n"
      assert libc.renameat2(-100, b"a", -100, b"c", 4) == -1 and ctypes.get_errno() == errno.EINVAL
      PYTHON
      """)
  }

  @Test func closeTellsWhatFlushAnswered() throws {
    let mount = try MountedFixture()
    let result = try mount.shell("echo refuse me | dd of=scratch/file status=none")
    #expect(result.status == 1 && result.errorText.contains("Operation not permitted"), "\(result.errorText)")
  }

  @Test func aCloseIsInterruptedAtOnce() throws {
    let mount = try MountedFixture()
    // Not through Command: what a test's thread starts inherits that signals are blocked.
    let script = """
      echo slow > "$2/slow"; cd "$1"; date +%s%N
      timeout 0.5 tee scratch/file < "$2/slow" > /dev/null; echo $?; date +%s%N
      """
    let arguments = ["-c", script, "bash", mount.mountpoint, mount.folder.path]
    let result = try ChildProgram.run("/bin/bash", arguments)
    let words = result.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    #expect(words.count == 3 && words[1] == 124, "\(result.output)")
    #expect(words.count == 3 && words[2] - words[0] < 1_500_000_000, "\(result.output)")
  }

  @Test func closesThatTakeLongHoldNobodyUp() throws {
    let mount = try MountedFixture(options: ["--workers", "2"])
    let result = try mount.shell(
      """
      for i in $(seq 20); do (echo slow | tee scratch/slow$i > /dev/null) & done
      sleep 0.5; start=$(date +%s%N)
      for i in $(seq 50); do cat hello.txt > /dev/null; stat -c %s many/f0000$((i % 10)).txt > /dev/null; done
      echo $(( ($(date +%s%N) - start) / 1000000 )); wait
      """)
    #expect(Int(result.outputText.dropLast()).map { $0 < 2000 } == true, "\(result.outputText)\(result.errorText)")
  }

  @Test func timesSizesAndSpaceAreSet() throws {
    try succeed(
      """
      cd scratch; echo text > file; touch -d @1234567 file; test $(stat -c %Y file) = 1234567
      truncate -s 2 file; test "$(cat file)" = te; fallocate -l 9000 file; test $(stat -c %s file) = 9000
      fallocate -n -l 99999 file; test $(stat -c %s file) = 9000; ! fallocate -p -o 0 -l 4096 file 2> /dev/null
      chmod 600 file; chown 1:1 file; test $(stat -c %a file) = 644; test $(stat -c %b file) -ge 17; sync file
      """)
  }

  @Test func copiesInsideAskTheFileSystem() throws {
    try succeed(
      """
      cd scratch; head -c 3000000 /dev/urandom > a; cp a b; cmp a b
      test "$(python3 -c 'import os; print(os.getxattr("b", "user.tantra.copied").decode())')" = 3000000
      """)
  }

  @Test func onlyAttributesOfUsersAreKept() throws {
    try succeed(
      """
      cd scratch; echo x > file
      python3 - <<'PYTHON'
      import errno, os
      def fails(code, call, *arguments):
          try: call(*arguments)
          except OSError as error: assert error.errno == code, error
          else: raise SystemExit(f"{arguments} did not fail")
      os.setxattr("file", "user.tantra.note", b"value" * 20)
      assert os.getxattr("file", "user.tantra.note") == b"value" * 20
      assert os.listxattr("file") == ["user.tantra.note"]
      os.removexattr("file", "user.tantra.note")
      fails(errno.ENODATA, os.getxattr, "file", "user.tantra.note")
      fails(errno.ENODATA, os.getxattr, "file", "security.capability")
      fails(errno.EOPNOTSUPP, os.getxattr, "file", "system.posix_acl_access")
      fails(errno.EOPNOTSUPP, os.setxattr, "file", "trusted.note", b"value")
      assert os.listxattr("file") == []
      PYTHON
      """)
  }

  @Test func storesThroughAMappingArrive() throws {
    try succeed(
      """
      cd scratch
      python3 - <<'PYTHON'
      import mmap
      with open("file", "w+b") as file:
          file.truncate(10000)
          with mmap.mmap(file.fileno(), 10000) as mapping:
              mapping[5000:5005] = b"hello"
      assert open("file", "rb").read()[5000:5005] == b"hello"
      PYTHON
      """)
  }
}
