import CMambaKernels
import Foundation
import TantraRuntime
import TestSupport
import Testing

@Suite struct OwnModelTests {
  private func reader(_ folder: String) throws -> OcrWeights {
    try LoadedWeights<OcrWeights>(resolved: folder) { _ in }.weights
  }

  @Test(arguments: [OwnModel.Shape.shippedReader, .oddReader])
  func aReaderScoresAsTorchDoes(_ shape: OwnModel.Shape) throws {
    let model = try OwnModel(shape)
    let weights = try reader(model.folder.path)
    let lines = OwnInputs.lines(50, height: weights.configuration.imageHeight)
    let session = try OcrSession(weights)
    let scores = try lines.flatMap { try session.scores(of: $0) }
    let found = try OwnScores(folder: model.folder.path, inputs: OwnInputs.data(lines), scores: scores)
    #expect(found.inputs == 50 && found.difference < 1e-4, "\(found)")
  }

  @Test(arguments: [OwnModel.Shape.shippedMultimodal, .oddMultimodal])
  func aModelThatSeesScoresAsTorchDoes(_ shape: OwnModel.Shape) throws {
    let model = try OwnModel(shape)
    let weights = try LoadedModel(resolved: model.folder.path) { _ in }.weights
    let size = try #require(weights.imageSize)
    let scenes = OwnInputs.scenes(50, side: size.side, channels: size.channels)
    let session = try MambaSession(weights)
    let scores = try scenes.flatMap { image, tokens in
      session.reset()
      try session.see(image)
      return try session.scores(tokens)
    }
    let found = try OwnScores(folder: model.folder.path, inputs: OwnInputs.data(scenes), scores: scores)
    #expect(found.inputs == 50 && found.difference < 1e-4, "\(found)")
  }

  @Test func everyInstructionSetAndNumberOfThreadsAgrees() throws {
    let (reader, multimodal) = (try OwnModel(.oddReader), try OwnModel(.oddMultimodal))
    let weights = try self.reader(reader.folder.path)
    let seeing = try LoadedModel(resolved: multimodal.folder.path) { _ in }.weights
    let line = try #require(OwnInputs.lines(50, height: weights.configuration.imageHeight).last)
    let scene = try #require(OwnInputs.scenes(30, side: 56, channels: 1).last)
    let expected = try OcrSession(weights).scores(of: line)
    let session = try MambaSession(seeing)
    try session.see(scene.image)
    let answer = try session.scores(scene.tokens)
    var set: Int32 = 0
    while tantra_instruction_set(set) != nil {
      for threads in [1, 2, 3] {
        let scores = try OcrSession(weights, threads: threads, instructionSet: Int(set)).scores(of: line)
        #expect(zip(scores, expected).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($1)) }, "\(set), \(threads)")
        let other = try MambaSession(seeing, threads: threads, instructionSet: Int(set))
        try other.see(scene.image)
        let found = try other.scores(scene.tokens)
        #expect(zip(found, answer).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($1)) }, "\(set), \(threads)")
      }
      set += 1
    }
    #expect(set >= 1)
  }

  @Test func imagesThatDoNotFitAreRefused() throws {
    let (reader, multimodal) = (try OwnModel(.oddReader), try OwnModel(.oddMultimodal))
    let seeing = try LoadedModel(resolved: multimodal.folder.path) { _ in }.weights
    let session = try MambaSession(seeing)
    let wrong = RasterImage(width: 10, height: 56, channels: 1, values: [UInt8](repeating: 0, count: 560))
    #expect(throws: RuntimeError.self) { try session.see(wrong) }
    let right = wrong.fitted(side: 56)
    try session.feed(65)
    #expect(throws: RuntimeError.self) { try session.see(right) }
    let blind = try MambaCheckpoint()
    let text = try MambaSession(try blind.load().weights)
    #expect(throws: RuntimeError.self) { try text.see(right) }
    let weights = try self.reader(reader.folder.path)
    let line = LineImage(width: 4, height: 32, values: [Float](repeating: 0, count: 128))
    #expect(throws: RuntimeError.self) { try OcrSession(weights).scores(of: line) }
  }
}
