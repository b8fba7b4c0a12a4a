import Glibc
import PosixIO
import StoreRecords
import TestSupport
import WeightRegistry

/// What a mount and the command line cost, from outside.
func measureMount(_ store: ScaleStore) throws {
  let tantra = ProgramFolder.path + "/tantra"
  let mountpoint = store.path + ".mount"
  let some = try store.model(store.modelCount / 2).text
  let other = try store.model(store.modelCount / 3).text
  let last = try store.version(store.versionCount - 1).text

  func run(_ arguments: String...) throws { try Program.run(tantra, arguments + ["--store", store.path]) }
  func measureCommands() throws {
    try Stopwatch.median("tantra --version", runs: 9) { try Program.run(tantra, ["--version"]) }
    try Stopwatch.median("tantra list-weights MODEL", runs: 9) { try run("list-weights", some) }
    var turn = 0
    try Stopwatch.median("tantra set-active MODEL VERSION", runs: 9) {
      turn += 1
      try run("set-active", some, try store.version(turn % store.versionCount).text)
    }
    try Stopwatch.median("tantra history MODEL", runs: 9) { try run("history", some) }
    try Stopwatch.median("tantra list-models", runs: 3) { try run("list-models") }
    try Stopwatch.median("tantra status", runs: 3) { try run("status") }
  }
  func names(in path: String) throws -> Int {
    guard let folder = opendir(path) else { throw Program.Failure(description: "\(path): \(errno)") }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
  }
  func size(of path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Program.Failure(description: "\(path): \(errno)") }
    return Int(status.st_size)
  }
  func switchActive(to version: String) throws {
    let descriptor = open(mountpoint + "/.control/active", O_WRONLY)
    defer { close(descriptor) }
    let request = "\(some)/\(version)"
    guard write(descriptor, request, request.utf8.count) > 0 else {
      throw Program.Failure(description: ".control/active: \(errno)")
    }
  }
  func remount() throws {
    try Program.run(tantra, ["unmount", mountpoint])
    try run("mount", mountpoint)
  }

  print("the command line, not mounted:")
  try measureCommands()
  print("on a mount:")
  try Stopwatch.once("tantra mount") { try run("mount", mountpoint) }
  var isMounted = true
  defer { if isMounted { do { try Program.run(tantra, ["unmount", mountpoint]) } catch { print(error) } } }
  try Stopwatch.once("ls of a model, the first look") { try names(in: mountpoint + "/" + some) }
  try Stopwatch.once("stat of a file, the first look") { try size(of: "\(mountpoint)/\(other)/\(last)/model.pt") }
  try Stopwatch.median("ls of a model, fresh mount", runs: 5, setUp: remount) { try names(in: mountpoint + "/" + some) }
  try Stopwatch.median("stat of a file, fresh mount", runs: 5, setUp: remount) {
    try size(of: "\(mountpoint)/\(other)/\(last)/model.pt")
  }
  try Stopwatch.median("ls of a model, again", runs: 9) { try names(in: mountpoint + "/" + some) }
  var turn = 0
  try Stopwatch.median("set-active by .control/active", runs: 15) {
    turn += 1
    try switchActive(to: try store.version(turn % store.versionCount).text)
  }
  try Stopwatch.once("ls of the root, the first look") { try names(in: mountpoint) }
  try Stopwatch.median("ls of the root, again", runs: 5) { try names(in: mountpoint) }
  for look in ["first", "second"] {
    try Stopwatch.once("ls of .files, the \(look) time") { try names(in: mountpoint + "/.files") }
  }
  print("the command line, mounted:")
  try measureCommands()
  try Program.run(tantra, ["unmount", mountpoint])
  isMounted = false
  try Stopwatch.once("tantra mount --read-only") { try run("mount", mountpoint, "--read-only") }
  isMounted = true
  try Stopwatch.median("ls of a model, read-only", runs: 9) { try names(in: mountpoint + "/" + some) }
  try Stopwatch.median("stat of a file, read-only", runs: 9) {
    try size(of: "\(mountpoint)/\(other)/\(last)/model.pt")
  }
}

/// A program that is run with its output thrown away.
enum Program {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Runs a program to its end.
  ///
  /// - Throws: if it does not end with 0.
  static func run(_ path: String, _ arguments: [String]) throws {
    let status = try ChildProgram.run(path, arguments).status
    guard status == 0 else { throw Failure(description: "\(path) \(arguments) ended with \(status)") }
  }
}
