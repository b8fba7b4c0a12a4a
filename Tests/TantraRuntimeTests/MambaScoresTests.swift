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
    // The layers of mamba-130m; two of them, and a smaller vocabulary, so that transformers keeps pace.
    ["hidden_size": "768", "num_hidden_layers": "2", "state_size": "16", "vocab_size": "1000"],
  ]

  @Test(arguments: shapes.indices)
  func scoresAndGreedyChoicesAreThoseOfTransformers(_ shape: Int) throws {
    let checkpoint = try MambaCheckpoint(Self.shapes[shape])
    let verdict = try MambaCheckpoint.compare(checkpoint.folder.path)
    #expect(verdict.agrees, "\(verdict)")
  }

  @Test(arguments: ["float16", "bfloat16"])
  func halvesComputeAsTheSameWeightsInFloat32(_ dtype: String) throws {
    let checkpoint = try MambaCheckpoint(Self.shapes[1], dtype: dtype)
    let verdict = try MambaCheckpoint.compare(checkpoint.folder.path)
    #expect(verdict.agrees, "\(verdict)")
  }

  @Test func everyInstructionSetAndNumberOfThreadsAgrees() throws {
    let checkpoint = try MambaCheckpoint(Self.shapes[1])
    var set: Int32 = 0
    while tantra_instruction_set(set) != nil {
      for threads in [1, 2, 3] {
        let verdict = try MambaCheckpoint.compare(
          checkpoint.folder.path, count: 140, steps: 20, threads: threads, instructionSet: Int(set))
        #expect(verdict.agrees, "\(set), \(threads): \(verdict)")
      }
      set += 1
    }
    #expect(set >= 1)
  }

  @Test func matricesAreNotCopied() throws {
    let weights = try MambaCheckpoint(Self.shapes[2]).load().weights
    #expect(weights.isMapped)
    #expect(Double(weights.copiedByteCount) < 0.06 * Double(weights.byteCount))
  }

  @Test func tokensBeyondTheVocabularyAreRefused() throws {
    let session = try MambaSession(try MambaCheckpoint().load().weights)
    for token in [-1, 256, Int32.max] { #expect(throws: RuntimeError.self) { try session.feed(token) } }
    #expect(throws: RuntimeError.self) { try session.prefill([1, 256]) }
  }
}
