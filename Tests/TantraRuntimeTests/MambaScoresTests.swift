import CMambaKernels
import Foundation
import TantraRuntime
import TestSupport
import Testing

@Suite struct MambaScoresTests {
  private static let shapes: [[String: String]] = [
    MambaCheckpoint.small,
    // No dimension is a multiple of a vector, and everything optional is the other way round.
    [
      "hidden_size": "37", "num_hidden_layers": "3", "state_size": "5", "vocab_size": "101", "expand": "3",
      "conv_kernel": "3", "time_step_rank": "7", "use_bias": "true", "use_conv_bias": "false",
      "tie_word_embeddings": "false", "layer_norm_epsilon": "0.001",
    ],
    // The layers of mamba-130m, all of them; its vocabulary is smaller, so that transformers keeps pace.
    ["hidden_size": "768", "num_hidden_layers": "24", "state_size": "16", "vocab_size": "1000"],
  ]

  @Test(arguments: shapes.indices)
  func scoresAndGreedyChoicesAreThoseOfTransformers(_ shape: Int) throws {
    let checkpoint = try MambaCheckpoint(Self.shapes[shape])
    let verdict = try MambaScores(of: checkpoint.folder.path).comparedWithTransformers()
    #expect(verdict.agrees, "\(verdict)")
  }

  @Test(arguments: [0, 1], ["float16", "bfloat16"])
  func halvesComputeAsTheSameWeightsInFloat32(_ shape: Int, dtype: String) throws {
    let checkpoint = try MambaCheckpoint(Self.shapes[shape], dtype: dtype)
    let verdict = try MambaScores(of: checkpoint.folder.path).comparedWithTransformers()
    #expect(verdict.agrees, "\(verdict)")
  }

  /// Where layers amplify rounding, no two float32 programs agree; what can be asked is that ours rounds no more than torch.
  @Test func roundingIsNoMoreThanThatOfTransformers() throws {
    let checkpoint = try MambaCheckpoint(Self.shapes[2], isHarsh: true)
    let rounding = try MambaScores(of: checkpoint.folder.path, count: 256, steps: 0).comparedWithExactScores()
    #expect(rounding.amplification > 50, "\(rounding)")
    #expect(rounding.found <= rounding.transformers, "\(rounding)")
    #expect(rounding.found < 1e-3 * rounding.largest, "\(rounding)")
  }

  @Test func everyInstructionSetAndNumberOfThreadsAgrees() throws {
    let checkpoint = try MambaCheckpoint(Self.shapes[1])
    var set: Int32 = 0
    while tantra_instruction_set(set) != nil {
      for threads in [1, 2, 3] {
        let verdict = try MambaScores(
          of: checkpoint.folder.path, count: 140, steps: 20, threads: threads, instructionSet: Int(set)
        ).comparedWithTransformers()
        #expect(verdict.agrees, "\(set), \(threads): \(verdict)")
      }
      set += 1
    }
    #expect(set >= 1)
  }

  @Test func matricesAreNotCopied() throws {
    var shape = Self.shapes[2]
    shape["num_hidden_layers"] = "2"
    let weights = try MambaCheckpoint(shape).load().weights
    #expect(weights.isMapped)
    #expect(Double(weights.copiedByteCount) < 0.06 * Double(weights.byteCount))
  }

  @Test func tokensBeyondTheVocabularyAreRefused() throws {
    let session = try MambaSession(try MambaCheckpoint().load().weights)
    for token in [-1, 256, Int32.max] { #expect(throws: RuntimeError.self) { try session.feed(token) } }
    #expect(throws: RuntimeError.self) { try session.prefill([1, 256]) }
  }
}
