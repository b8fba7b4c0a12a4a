import Dispatch
import Foundation
import StoreRecords
import Synchronization
import TestSupport
import Testing
import WeightRegistry

/// Threads that want what cannot all be.
@Suite struct RaceTests {
  private let fixture: RegistryFixture
  private let registry: WeightRegistry
  private let other: ModelName

  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
    other = try ModelName(validating: "other")
  }

  private func version(_ text: String) throws(StoreError) -> VersionName { try VersionName(validating: text) }

  /// Runs all of `bodies` at once, each on a thread; answers with the errors.
  private func atOnce(_ bodies: [@Sendable () throws -> Void]) -> [StoreError] {
    let errors = Mutex<[StoreError]>([])
    Threads.run(bodies.count) { index in
      do {
        try bodies[index]()
      } catch {
        let error = error as? StoreError ?? StoreError(.damaged, "\(error)")
        errors.withLock { $0.append(error) }
      }
    }
    return errors.withLock { $0 }
  }

  private func importVersion(_ text: String, seed: Int) throws {
    try fixture.importFile(
      try SmallWeights.example(bias: Float(seed)).safetensors(), as: "safetensors", version: text, into: registry)
  }

  /// Whether `active` leads to a version, in memory and on disk.
  private func expectActiveLeadsSomewhere(_ round: Int) throws {
    let active = try #require(registry.records.activeLink(of: fixture.model))
    #expect(registry.records.contains(fixture.model, active), "round \(round): \(active) has gone")
    let paths = try fixture.scratch.files(below: "store/models/mamba")
    #expect(paths.contains("store/models/mamba/\(active).json"), "round \(round): \(active) has no manifest")
    let config = String(decoding: try fixture.scratch.read("store/weight_config.json"), as: UTF8.self)
    #expect(config.contains("\"active\" : \"\(active)\""), "round \(round)")
  }

  @Test(arguments: ["retire", "move", "remove", "cleanup"])
  func activeNeverLeadsToAVersionThatHasGone(how: String) throws {
    try importVersion("v1", seed: 1)
    try importVersion("v2", seed: 2)
    let (model, registry) = (fixture.model, registry)
    let (first, second, elsewhere) = (try version("v1"), try version("v2"), try version("v3"))
    for round in 0..<40 {
      let errors = atOnce([
        { () throws in
          try registry.activation.setActive(model, second)
        },
        { () throws in
          switch how {
          case "retire": try registry.retention.retire(model, second)
          case "move": try registry.folders.move(model, second, to: model, elsewhere, by: .current)
          case "cleanup": try registry.retention.cleanup(model, keep: 1)
          default:
            for path in ["model.safetensors", "model.pt", "model.bin"] {
              try registry.folders.remove(path, of: model, second)
            }
            try registry.folders.removeVersion(model, second, by: .current)
          }
        },
      ])
      let expected: [StoreError.Code] = [.inUse, .unknownVersion, .notEmpty, .unknownView, .system(errno: EPERM)]
      #expect(errors.allSatisfy { expected.contains($0.code) }, "\(errors)")
      try expectActiveLeadsSomewhere(round)
      // As before, for the next round.
      if !registry.records.contains(model, first) { try registry.retention.restore(model, first) }
      if registry.records.contains(model, elsewhere) {
        try registry.folders.move(model, elsewhere, to: model, second, by: .current)
      } else if !registry.records.contains(model, second) {
        try registry.retention.restore(model, second)
      } else if how == "remove" {
        try registry.folders.change(model, second) { _ in
          ["model.safetensors", "model.pt", "model.bin"].map { .show($0) }
        }
      }
      try registry.activation.setActive(model, first)
    }
  }

  @Test func rollbackNeverLeadsToAVersionThatHasGone() throws {
    for seed in 1...3 { try importVersion("v\(seed)", seed: seed) }
    let (model, registry) = (fixture.model, registry)
    let (second, third) = (try version("v2"), try version("v3"))
    for round in 0..<30 {
      try registry.activation.setActive(model, second)
      try registry.activation.setActive(model, third)
      let errors = atOnce([
        { () throws in try registry.activation.rollback(model) },
        { () throws in try registry.retention.retire(model, second) },
      ])
      #expect(errors.allSatisfy { [.inUse, .unknownVersion].contains($0.code) }, "\(errors)")
      try expectActiveLeadsSomewhere(round)
      if !registry.records.contains(model, second) { try registry.retention.restore(model, second) }
    }
  }

  @Test func oneVersionThatTwoWantToMoveGoesToOneOfThem() throws {
    try importVersion("v1", seed: 1)
    try importVersion("v2", seed: 2)
    let (model, registry, other) = (fixture.model, registry, other)
    let (second, a, b) = (try version("v2"), try version("a"), try version("b"))
    for round in 0..<30 {
      let errors = atOnce([
        { () throws in try registry.folders.move(model, second, to: other, a, by: .current) },
        { () throws in try registry.folders.move(model, second, to: model, b, by: .current) },
      ])
      #expect(errors.map(\.code) == [.unknownVersion], "round \(round)")
      #expect(registry.records.contains(other, a) != registry.records.contains(model, b))
      #expect(!registry.records.contains(model, second))
      if registry.records.contains(other, a) {
        try registry.activation.removeActive(of: other, by: .current)
        try registry.folders.move(other, a, to: model, second, by: .current)
      } else {
        try registry.folders.move(model, b, to: model, second, by: .current)
      }
    }
    #expect(try registry.validation.validate(model, second).isValid)
  }

  @Test func versionsThatMoveIntoEachOthersModelsAtOnceBothArrive() throws {
    let (model, registry, other) = (fixture.model, registry, other)
    for (name, seed) in [("v1", 1), ("a", 2), ("b", 3)] { try importVersion(name, seed: seed) }
    let (a, b) = (try version("a"), try version("b"))
    try registry.folders.move(model, b, to: other, b, by: .current)
    try importVersion("keep", seed: 4)
    try registry.folders.move(model, try version("keep"), to: other, try version("keep"), by: .current)
    try registry.activation.setActive(other, try version("keep"))
    for round in 0..<40 {
      let isThere = round % 2 == 0
      let errors = atOnce([
        { () throws in
          try registry.folders.move(isThere ? model : other, a, to: isThere ? other : model, a, by: .current)
        },
        { () throws in
          try registry.folders.move(isThere ? other : model, b, to: isThere ? model : other, b, by: .current)
        },
      ])
      #expect(errors == [], "round \(round)")
    }
    for (model, name) in [(model, "a"), (other, "b"), (model, "v1"), (other, "keep")] {
      #expect(try registry.validation.validate(model, try version(name)).isValid)
    }
  }

  @Test func aNameGoesToOneOfTwoWhoWantIt() throws {
    try importVersion("v1", seed: 1)
    let (model, registry) = (fixture.model, registry)
    let a = try version("a")
    let b = try version("b")
    let c = try version("c")
    for round in 0..<20 {
      try importVersion("a", seed: 2)
      try importVersion("b", seed: 3)
      let errors = atOnce([
        { () throws in try registry.folders.move(model, a, to: model, c, by: .current) },
        { () throws in try registry.folders.move(model, b, to: model, c, by: .current) },
      ])
      #expect(errors.map(\.code) == [.alreadyExists], "round \(round)")
      #expect(try registry.records.versions(of: model).count == 3)
      for version in try registry.records.versions(of: model) where version.text != "v1" {
        try registry.retention.retire(model, version)
      }
    }
  }
}
