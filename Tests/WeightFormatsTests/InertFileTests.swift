import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

/// What is data opens, and what runs something does not: the oracle makes files of both kinds with Python's own programs, and tries
/// those of the second kind.
@Suite struct InertFileTests {
  private func danger(_ path: String) throws -> String? {
    let source = BufferSource(try contents(of: path))
    do throws(FormatError) { try PickleSafety.check(source) } catch { return error.message }
    return nil
  }

  @Test func filesOfDataAreInertAndCheckpointsOfThemAreWeights() throws {
    let folder = try TemporaryFolder()
    let names = try Python.oracle("pickle_files.py", ["honest", folder.path]).split(separator: "\n").map(String.init)
    #expect(names.count > 1000)
    var checkpoints = 0
    for name in names {
      let danger = try danger(folder(name))
      #expect(danger == nil, "\(name)")
      guard name.hasSuffix(".ckpt") else { continue }
      let source = BufferSource(try contents(of: folder(name)))
      do throws(FormatError) {
        let (_, file) = try WeightFormatCatalogue.parse(source)
        #expect(file.stateDict.tensors.map(\.name) == ["a", "b"], "\(name)")
        #expect(!file.isPlain && file.extras.count == 1, "\(name)")
        checkpoints += 1
      } catch { Issue.record("\(name): \(error)") }
    }
    #expect(checkpoints > 200)
  }

  /// The length that such a file begins with may look like the beginning of a pickle, or of compressed data.
  @Test func noLengthOfAHeaderMakesSafetensorsSuspect() throws {
    let header = Array(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.utf8)
    let lengths = Array(stride(from: 64, to: 4096, by: 8)) + stride(from: 0x2080, to: 0x20000, by: 0x1700)
    for length in lengths {
      let file =
        withUnsafeBytes(of: UInt64(length).littleEndian, Array.init) + header
        + [UInt8](repeating: 0x20, count: length - header.count) + [0x63, 0x6F, 0x73, 0x0A]
      do throws(FormatError) { try PickleSafety.check(BufferSource(file)) } catch {
        Issue.record("a header of \(length) bytes: \(error)")
      }
    }
  }

  @Test func filesThatRunSomethingAreNeitherInertNorWeights() throws {
    let folder = try TemporaryFolder()
    let output = try Python.oracle("pickle_files.py", ["hostile", folder.path])
    let ran = try JSONDecoder().decode([String: [String]].self, from: Data(output.utf8))
    #expect(ran.filter { !$0.value.isEmpty }.count > 130)
    for (name, loaders) in ran where !loaders.isEmpty {
      let danger = try danger(folder(name))
      #expect(danger != nil, "\(name) runs in \(loaders)")
      let source = BufferSource(try contents(of: folder(name)))
      #expect(throws: FormatError.self, "\(name)") { try WeightFormatCatalogue.parse(source) }
    }
  }

  /// What the rest of the file would run does not matter to the state dict, which is read without it.
  @Test func theStateDictOfAFileWithAProgramCanBeHadAlone() throws {
    let folder = try TemporaryFolder()
    let output = try Python.oracle("numpy_leaves.py", ["program", folder.path])
    let expected = try JSONDecoder().decode([TorchOracle].self, from: Data(output.utf8))
    #expect(expected.count >= 4)
    var found: [(TorchOracle, WeightFile, BufferSource, String)] = []
    for oracle in expected {
      let name = try #require(oracle.case)
      let source = BufferSource(try contents(of: folder(name)))
      #expect(throws: FormatError.self, "\(name)") { try WeightFormatCatalogue.parse(source) }
      #expect(throws: FormatError.self, "\(name)") { try PickleSafety.check(source) }
      do throws(FormatError) {
        let (_, file) = try WeightFormatCatalogue.parseStateDict(source)
        #expect(!file.programs.isEmpty && !file.isPlain, "\(name)")
        #expect(file.extras.contains { $0.hasSuffix("a program, left out") }, "\(name)")
        found.append((oracle, file, source, name))
      } catch { Issue.record("\(name): \(error)") }
    }
    for (oracle, file, source, name) in found { try oracle.expect(file, in: source, name) }
  }
}
