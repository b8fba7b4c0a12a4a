import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

/// Checkpoints with numpy's values, written by torch: the tensors are found, and arrays among them become tensors.
@Suite struct NumpyLeafTests {
  @Test func arraysAmongTensorsBecomeTensorsAndTheRestIsListed() throws {
    let folder = try TemporaryFolder()
    let output = try Python.oracle("numpy_leaves.py", ["cases", folder.path])
    let cases = try JSONDecoder().decode([TorchOracle].self, from: Data(output.utf8))
    #expect(cases.count >= 40)
    for expected in cases {
      let name = try #require(expected.case)
      let source = BufferSource(try contents(of: folder(name)))
      do {
        let (_, file) = try WeightFormatCatalogue.parse(source)
        try expected.expect(file, in: source, name)
        #expect(file.inconsistency(byteCount: source.byteCount) == nil, "\(name)")
        #expect(file.extras.count == expected.extras?.count, "\(name): \(file.extras)")
      } catch { Issue.record("\(name): \(error)") }
    }
  }
}
