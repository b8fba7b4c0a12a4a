import TantraBench
import TestSupport
import Testing

@Suite struct BenchModelFileTests {
  /// Loads two safetensors files, and says how many tensors they have, and how many of those differ.
  private static let comparison = """
    import sys, torch
    from safetensors.torch import load_file
    one, other = map(load_file, sys.argv[1:])
    assert list(one) == list(other)
    assert all(tensor.isfinite().all() and tensor.abs().max() < 2 for tensor in one.values())
    assert {tensor.dtype for tensor in one.values()} == {torch.float32, torch.bfloat16}
    print(len(one), sum(not torch.equal(one[name], other[name]) for name in one))
    """

  @Test(arguments: [1, 1 << 20, 5_000_001])
  func theModelIsReadableAndEveryTensorBecomesNew(byteCount: Int) throws {
    let scratch = try TemporaryFolder()
    let model = BenchModelFile(byteCount: byteCount)
    for name in ["old", "new"] { try model.write(to: scratch(name), unless: StopCheck { false }) }
    #expect(try scratch.read("old") == scratch.read("new"))
    #expect(try scratch.read("old").count == model.byteCount)
    #expect(abs(model.byteCount - max(byteCount, 1 << 20)) < 1 << 17)
    try model.renew(scratch("new"), number: 5)
    let check = try Python.run(Self.comparison, [scratch("old"), scratch("new")])
    #expect(check.outputText == "\(model.tensorCount) \(model.tensorCount)\n", "\(check.errorText)")
  }

  @Test func writingStopsWhenAsked() throws {
    let scratch = try TemporaryFolder()
    let error = #expect(throws: BenchFailure.self) {
      try BenchModelFile(byteCount: 1 << 20).write(to: scratch("model"), unless: StopCheck { true })
    }
    #expect(error?.code == .interrupted)
  }
}
