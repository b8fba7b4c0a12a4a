import Foundation
import TestSupport
import Testing

/// Reading through a real mount.
@Suite(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
struct ReadingTests {
  @Test func plainFilesAreListedStattedAndRead() throws {
    let mount = try MountedFixture()
    #expect(try mount.shell("cat hello.txt").outputText == "hello\n")
    let status = try mount.shell("stat -c '%a %F %s %u %h %Y %b' hello.txt; stat -c '%F %i' .; ls")
    #expect(
      status.outputText == """
        644 regular file 6 0 1 1700000000 1
        directory 1
        active
        control
        damaged.bin
        hello.txt
        hostile
        many
        stitched.bin
        v1
        v2
        whole.bin

        """)
    #expect(try mount.shell("cat nothing").status == 1)
    #expect(
      try mount.shell("df --output=size,avail -B1 . | tail -1").outputText.split(separator: " ").first == "1073741824")
  }

  @Test func stitchedPiecesReadAsOneFile() throws {
    let mount = try MountedFixture()
    let compared = try mount.shell("cmp stitched.bin \"$2/expected\"")
    #expect(compared.status == 0, "\(compared.outputText)\(compared.errorText)")
  }

  @Test func randomReadsAndMappingsOfStitchedPiecesAreRight() throws {
    let mount = try MountedFixture()
    let script = """
      import mmap, os, random, sys
      expected = open(sys.argv[2], 'rb').read()
      random.seed(7)
      fd = os.open(sys.argv[1], os.O_RDONLY)
      assert os.fstat(fd).st_size == len(expected)
      def drop(): os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
      for turn in range(400):
          if turn % 20 == 0: drop()
          offset = random.randrange(len(expected) + 100)
          count = random.choice([1, 100, 4096, 8191, 65536, 300000, 700000, 2000000])
          assert os.pread(fd, count, offset) == expected[offset:offset + count], (offset, count)
      drop()
      with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as mapping:
          for _ in range(400):
              offset = random.randrange(len(expected))
              assert mapping[offset:offset + 5000] == expected[offset:offset + 5000], offset
          drop()
          assert mapping[:] == expected
      """
    let python = try Command.run("python3", ["-c", script, mount("stitched.bin"), mount.folder("expected")])
    #expect(python.status == 0, "\(python.errorText)")
  }

  @Test func eightReadersAtOnceReadTheSameBytes() throws {
    let mount = try MountedFixture()
    let result = try mount.shell(
      """
      want=$(sha256sum < "$2/expected"); pids=()
      for n in 1 2 3 4 5 6 7 8; do
        ( for turn in 1 2 3; do
            dd if=stitched.bin bs=$((n * 7919)) status=none | sha256sum | grep -qxF "$want" || exit 1
            dd if=stitched.bin of=/dev/null iflag=nocache count=0 status=none
            ls -l many > /dev/null || exit 1
          done ) & pids+=($!)
      done
      for pid in "${pids[@]}"; do wait $pid || exit 1; done
      """)
    #expect(result.status == 0, "\(result.errorText)")
  }

  @Test func aFileThatLostItsBytesGivesAnErrorAndNotAnEnd() throws {
    let mount = try MountedFixture()
    let script = """
      import errno, os, sys
      fd = os.open(sys.argv[1], os.O_RDONLY)
      size = os.fstat(fd).st_size
      os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
      assert os.pread(fd, 6, 0) == b'header'
      for count in (100, 9000, size):
          try: data = os.pread(fd, count, 60000)
          except OSError as error: assert error.errno == errno.EIO, error
          else: raise SystemExit(f'{len(data)} bytes where none are')
      assert os.fstat(fd).st_size == size
      assert os.pread(fd, 7, size - 7) == b'ttttttt'
      """
    let python = try Command.run("python3", ["-c", script, mount("damaged.bin")])
    #expect(python.status == 0, "\(python.errorText)")
    #expect(try mount.shell("cat damaged.bin").errorText.contains("Input/output error"))
    #expect(try mount.shell("cat hello.txt").outputText == "hello\n")
  }

  @Test func aFileWithoutSizeIsReadToItsEnd() throws {
    let mount = try MountedFixture()
    #expect(try mount.shell("stat -c %s control/counters").outputText == "0\n")
    #expect(try mount.shell("cat control/counters").outputText.hasPrefix("lookups "))
  }
}
