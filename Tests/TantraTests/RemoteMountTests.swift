import Foundation
import PosixIO
import TestSupport
import Testing

/// Versions of a remote that are mounted to read, with what networks, servers and disks do.
@Suite(canMount, .onWaitingThreads) struct RemoteMountTests {
  let fixture: RemoteMountFixture

  init() throws { fixture = try RemoteMountFixture() }

  @Test func whatIsReadIsFetchedAndNoMore() throws {
    try fixture.mount()
    let folder = fixture.mountpoint + "/big/active"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(Set(names).isSuperset(of: ["config.json", "model.safetensors", "model.pt", "model.bin"]))
    let size = try FileManager.default.attributesOfItem(atPath: folder + "/model.safetensors")[.size] as? Int
    #expect(try size == fixture.scratch.read("source/model.safetensors").count)
    #expect(try fixture.requestedByteCount() < 1 << 20)
    // The first tensor, and what lies around it.
    #expect(try Python.oracle("remote_reads.py", ["tensor", folder + "/model.safetensors", "b"]).contains("(8,)"))
    #expect(try fixture.requestedByteCount() < 8 << 20)
    #expect(try Python.oracle("remote_reads.py", ["equal", folder, fixture.source]).contains("equal"))
    #expect(try fixture.isEqual(fixture.weights))
    // All of it has come once, and not twice.
    #expect(try fixture.requestedByteCount() < 42 << 20)
    #expect(try fixture.figure("remote_cached_bytes") ?? 0 >= 40 << 20)
    #expect(try fixture.figure("remote_up") == 1 && fixture.figure("remote_last_contact") ?? 0 > 1_600_000_000)
    // To change anything is refused, and so is a second mount of the cache.
    #expect(try Command.run("touch", [folder + "/new"]).errorText.contains("Read-only file system"))
    let second = try fixture.tantra(
      ["mount", fixture.scratch("other"), "--remote", fixture.reference, "--cache", fixture.cache])
    #expect(second.status == 75 && second.errorText.contains("in use by process"), "\(second.errorText)")
    let other = try fixture.tantra(
      ["mount", fixture.scratch("other"), "--remote", "oci:\(fixture.cache):x", "--cache", fixture.scratch("cache-2")])
    #expect(other.status == 66, "\(other.errorText)")
    let status = try fixture.succeed("status", "--store", fixture.cache)
    #expect(status.contains(fixture.reference), "\(status)")
  }

  @Test func whatIsCachedNeedsNoNetwork() throws {
    try fixture.mount("--remote-timeout", "2s")
    #expect(try fixture.failure(ofReading: 0..<4) == nil)
    try fixture.unmount()
    try fixture.behave("gone")
    try fixture.mount("--remote-timeout", "2s")
    #expect(try fixture.failure(ofReading: 0..<4) == nil)
    #expect(try fixture.scratch.read("mnt/big/v1/config.json") == Array("{}\n".utf8))
    let failure = try #require(try fixture.failure(ofReading: 25..<26))
    #expect(failure.contains("Input/output error"), "\(failure)")
    let log = try fixture.control("log")
    #expect(log.contains("tensor \"b\" of big/v1 cannot be fetched"), "\(log)")
    #expect(fixture.waits { try fixture.figure("remote_up") == 0 })
    // A network that is there again is used.
    try fixture.behave("plain")
    #expect(fixture.reads(25..<26))
    #expect(try fixture.isEqual(fixture.weights))
  }

  @Test func nobodyWaitsBehindThoseWhoWaitForTheNetwork() throws {
    try fixture.mount("--remote-timeout", "20s")
    #expect(try fixture.failure(ofReading: 0..<4) == nil)
    try fixture.behave("silent")
    let readers = try (0..<80).map { index in
      try ChildProgram(
        "/usr/bin/dd",
        ["if=\(fixture.weights)", "of=/dev/null", "bs=4k", "count=1", "skip=\(2560 + index * 64)", "status=none"])
    }
    usleep(500_000)
    for path in ["/big/v1", "/big/v1/model.pt", "/.control"] {
      let listed = try Command.run("timeout", ["5", "stat", fixture.mountpoint + path])
      #expect(listed.status == 0, "\(path) \(listed.errorText)")
    }
    #expect(readers.contains { $0.isRunning })
    // Somebody who gives up need not wait for the deadline.
    let killed = try Command.run(
      "timeout", ["--signal=KILL", "2", "dd", "if=\(fixture.weights)", "of=/dev/null", "bs=1M", "skip=39"])
    #expect(killed.status == 137)
    try fixture.behave("plain")
    for reader in readers { #expect(try reader.finish().status == 0) }
  }

  @Test func manyReadersOfOneChunkMakeOneRequest() throws {
    try fixture.mount()
    // Whoever opens it first lets somebody look whether it is a pickle.
    #expect(try fixture.failure(ofReading: 0..<1) == nil)
    let before = try fixture.requests().count
    let read = try Python.oracle("remote_reads.py", ["crowd", fixture.weights, fixture.source, "25165824"])
    #expect(read.contains("equal"))
    #expect(try fixture.requests().count - before == 1)
  }

  /// Whoever reads on gets much by one request. Somebody else who needs what is far behind in it does not wait for that.
  @Test func nobodyWaitsForTheEndOfALongRequest() throws {
    let (fixture, mebibyte) = (try RemoteMountFixture(mebibytes: 80), 1 << 20)
    try fixture.mount()
    try fixture.behave("stuck \(20 * mebibyte)")
    #expect(try fixture.failure(ofReading: 0..<14) == nil)
    let isLong = fixture.waits {
      try fixture.requests().contains { $0.first == 32 * mebibyte && $0.last == 64 * mebibyte - 1 }
    }
    var requests = try fixture.requests()
    #expect(isLong, "\(requests)")
    // What has come of it counts, and what is far behind is asked for on its own.
    #expect(try fixture.failure(ofReading: 34..<35) == nil)
    #expect(try fixture.failure(ofReading: 63..<64) == nil)
    requests = try fixture.requests()
    #expect(requests.contains { $0.first == 62 * mebibyte && $0.last == 64 * mebibyte - 1 }, "\(requests)")
    try fixture.behave("plain")
    #expect(try fixture.isEqual(fixture.weights))
    #expect(try fixture.requestedByteCount() <= 84 * mebibyte)
  }

  /// Each connection ends after 3 MiB: what has come is not asked for again.
  @Test func whatBreaksOffGoesOnWhereItWas() throws {
    let port = try fixture.server.front("fault_proxy.py", "faults", "none")
    #expect(try fixture.mount(at: port, cache: "cache-cut"))
    try fixture.server.set("faults", "cut 3145728")
    #expect(try fixture.isEqual(fixture.weights))
    try fixture.server.set("faults", "none")
  }

  @Test func damagedCacheFilesAreFoundAndMended() throws {
    try fixture.mount()
    #expect(try fixture.isEqual(fixture.weights))
    try fixture.unmount()
    let path = try #require(
      try fixture.cacheFiles().max { try fixture.scratch.read($0).count < fixture.scratch.read($1).count })
    var bytes = try fixture.scratch.read(path)
    for position in [0, 5 << 20, (5 << 20) + 1, 17_000_000] { bytes[position] ^= 0x40 }
    bytes.removeLast(3 << 20)
    try fixture.scratch.write(path, bytes)
    try fixture.mount()
    let before = try fixture.requestedByteCount()
    #expect(try fixture.isEqual(fixture.weights))
    #expect(try fixture.figure("remote_damaged_chunks") ?? 0 >= 3)
    #expect(try fixture.requestedByteCount() - before <= 8 << 20)
    try fixture.unmount()
    try fixture.mount()
    let rest = try fixture.requestedByteCount()
    #expect(try fixture.isEqual(fixture.weights))
    #expect(try fixture.requestedByteCount() == rest)
  }

  @Test func aSmallCacheHoldsNoMoreThanItMay() throws {
    try fixture.mount("--cache-size", "10MiB")
    #expect(try fixture.isEqual(fixture.weights))
    #expect(try Python.oracle("remote_reads.py", ["jumps", fixture.weights, fixture.source, "7"]).contains("equal"))
    let used = try Command.run("du", ["-sm", fixture.cache + "/.staging/remote/sha256"])
    #expect(Int(used.outputText.prefix { $0.isNumber }) ?? 99 <= 11, "\(used.outputText)")
    #expect(try fixture.figure("remote_cached_bytes") ?? .max <= 10 << 20)
  }

  @Test func whoReadsHereAndThereGetsTheSameBytes() throws {
    try fixture.mount("--cache-size", "200MiB")
    for seed in 1...3 {
      let read = try Python.oracle("remote_reads.py", ["jumps", fixture.weights, fixture.source, "\(seed)"])
      #expect(read.contains("equal"))
    }
  }

  @Test(arguments: ["norange", "shifted", "wrong", "short", "unsatisfiable"])
  func noServerMakesAWrongByte(mode: String) throws {
    try fixture.mount("--remote-timeout", "3s")
    try fixture.behave(mode)
    let failure = try #require(try fixture.failure(ofReading: 8..<9))
    #expect(failure.contains("Input/output error"), "\(failure)")
    #expect(try fixture.control("log").contains("cannot be fetched"))
    try fixture.behave("plain")
    #expect(fixture.reads(8..<9))
    #expect(try fixture.isEqual(fixture.weights))
  }

  @Test func whoeverIsKilledLeavesNoWrongByte() throws {
    for seed in 1...20 {
      try fixture.mount("--cache-size", seed % 3 == 0 ? "12MiB" : "200MiB")
      let reader = try ChildProgram("/usr/bin/cmp", [fixture.weights, fixture.source])
      usleep(UInt32(seed) * 9_000)
      let pid = fixture.daemon
      #expect(kill(pid, SIGKILL) == 0)
      #expect(eventually { kill(pid, 0) != 0 })
      _ = try Command.run("umount", ["-l", fixture.mountpoint])
      let end = try reader.finish()
      #expect(end.status == 0 || !end.output.contains("differ"), "\(end.output)")
    }
    try fixture.mount()
    #expect(try fixture.isEqual(fixture.weights))
    #expect(
      try Python.oracle("remote_reads.py", ["equal", fixture.mountpoint + "/big/v1", fixture.source]).contains("equal"))
  }

  /// Each seed takes a mount that reads everything; `TANTRA_TEST_REMOTE_FAULTS` asks for another number of them than 25.
  @Test func whatNetworksDoMakesNoWrongByte() throws {
    let count = ProcessInfo.processInfo.environment["TANTRA_TEST_REMOTE_FAULTS"].flatMap { Int($0) } ?? 25
    let port = try fixture.server.front("fault_proxy.py", "faults", "none")
    for seed in stride(from: 1, through: count, by: 1) {
      try fixture.server.set("faults", "seed \(seed)")
      let cache = "cache-\(seed / 3)"
      // A manifest that came damaged is no reason to try again by itself.
      let isMounted = try (1...8).contains { _ in try fixture.mount(at: port, cache: cache) }
      let mounting = try fixture.server.faults(of: seed)
      try #require(isMounted, "seed \(seed): \(mounting)")
      let equal = try Command.run("cmp", [fixture.weights, fixture.source])
      let (faults, log) = (try fixture.server.faults(of: seed), try fixture.control("log"))
      #expect(equal.status == 0, "seed \(seed): \(equal.outputText) \(equal.errorText) \(faults)\n\(log)")
      try fixture.succeed("unmount", fixture.mountpoint)
      #expect(fixture.waits { try fixture.isFree(cache) }, "seed \(seed)")
      // The next one has another cache.
      if (seed + 1) / 3 != seed / 3 { try FileManager.default.removeItem(atPath: fixture.scratch(cache)) }
    }
  }

  @Test func allOfItComesByItselfIfSomebodyAsks() throws {
    try fixture.mount("--prefetch")
    // Its header makes the file larger than its tensors.
    let size = try Data(contentsOf: URL(fileURLWithPath: fixture.source)).count
    #expect(fixture.waits { try fixture.figure("remote_cached_bytes") ?? 0 >= size })
    try fixture.behave("gone")
    #expect(try fixture.isEqual(fixture.weights))
  }

  @Test func aTagThatMovesIsMountedAsItIsThen() throws {
    try fixture.mount()
    #expect(try fixture.failure(ofReading: 0..<1) == nil)
    try fixture.unmount()
    let store = fixture.scratch("store")
    try Python.oracle("big_weights.py", [fixture.scratch("small.safetensors"), "1"])
    try fixture.succeed(
      "import", fixture.scratch("small.safetensors"), "--model", "big", "--version", "v2", "--store", store)
    try fixture.succeed("push", "big/v2", "127.0.0.1:\(fixture.server.port)/big:live", "--store", store)
    try fixture.mount()
    let link = try FileManager.default.destinationOfSymbolicLink(atPath: fixture.mountpoint + "/big/active")
    #expect(link == "v2")
    let equal = try Command.run(
      "cmp", [fixture.mountpoint + "/big/active/model.safetensors", fixture.scratch("small.safetensors")])
    #expect(equal.status == 0)
    #expect(try fixture.isEqual(fixture.weights))
  }
}

extension RemoteMountFixture {
  /// Whether a part of the weights can be read soon.
  func reads(_ mebibytes: Range<Int>) -> Bool {
    waits { try self.failure(ofReading: mebibytes) == nil }
  }

  /// Whether no process has a cache.
  func isFree(_ cache: String) throws -> Bool {
    try Command.run("flock", ["-n", scratch(cache) + "/.staging/lock", "true"]).status == 0
  }

  /// Whether a condition comes to hold, without an error.
  func waits(until condition: () throws -> Bool) -> Bool {
    do { return try eventually(condition) } catch { return false }
  }
}
