// Mounts MemoryFileSystem, for tests that need a daemon of its own.
//
//     MountFixture MOUNTPOINT BACKING [--expected FILE] [--workers N] [--drain SECONDS] [--read-only] [--allow-other]
//                  [--no-passthrough] [--background LOG] [--readiness FD] [--die-before-ready]
//
// Prints "ready", serves, and prints what ended it. --expected writes what stitched.bin has to read as. A failure to mount
// ends it with 75.

import BlobStore
import FuseServer
import Glibc
import Logging
import PosixIO

func value(of option: String) -> String? {
  guard let index = CommandLine.arguments.firstIndex(of: option) else { return nil }
  return CommandLine.arguments.dropFirst(index + 1).first
}

func say(_ text: String, to descriptor: CInt = STDOUT_FILENO) {
  let bytes = Array((text + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
  say("usage: MountFixture MOUNTPOINT BACKING [option...]", to: STDERR_FILENO)
  exit(64)
}

if let log = value(of: "--background") {
  var daemon: [String] = []
  for argument in arguments where argument != "--background" && argument != log { daemon.append(argument) }
  daemon += ["--readiness", String(BackgroundLauncher.readinessDescriptor)]
  switch BackgroundLauncher.launch(arguments: daemon, logFile: log, limit: .seconds(20)) {
  case .ready(let daemon): say("ready \(daemon.number)")
  case .failed(let exitStatus, let message):
    say(message, to: STDERR_FILENO)
    exit(exitStatus)
  }
  exit(0)
}

if arguments.contains("--die-before-ready") { exit(9) }
let readiness = value(of: "--readiness").flatMap { CInt($0) }

func report(ready: Bool, _ message: String) {
  guard let readiness else { return ready ? say("ready") : say(message, to: STDERR_FILENO) }
  guard let readiness = Readiness(descriptor: readiness) else { return say("no readiness pipe", to: STDERR_FILENO) }
  if ready { readiness.reportReady() } else { readiness.reportFailure(exitStatus: 75, message: message) }
}

do {
  let signals = try StopSignals()
  let backing: LocalBytes
  do throws(PosixError) {
    backing = try LocalBytes(try OpenedFile.open(arguments[2]))
  } catch {
    report(ready: false, "the backing file cannot be opened")
    exit(66)
  }
  let tree = MemoryTree(backing: backing)
  if let expected = value(of: "--expected") { try tree.writeStitched(to: expected) }
  var logger = Logger(label: "fixture", factory: { StreamLogHandler.standardError(label: $0) })
  logger.logLevel = .debug
  let options = MountOptions(
    isReadOnly: arguments.contains("--read-only"), allowsOthers: arguments.contains("--allow-other"),
    passesThrough: !arguments.contains("--no-passthrough"), workerCount: value(of: "--workers").flatMap { Int($0) },
    drainTime: .seconds(value(of: "--drain").flatMap { Int($0) } ?? 5))
  let mount = try FuseMount(MemoryFileSystem(tree: tree), at: arguments[1], options: options, logger: logger)
  report(ready: true, "")
  say("ended by \(mount.serve(stoppingOn: signals))")
} catch {
  report(ready: false, "\(error)")
  exit(75)
}
