// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target: Swift 6, no implicit existentials or re-exported imports, warnings are errors.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Tests are compiled quickly, and not for speed.
let quick = strict + [.unsafeFlags(["-Onone"])]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let hashTrees = Target.Dependency.product(name: "HashTreeCollections", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let sqlite = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "tantra",
  products: [
    .executable(name: "tantra", targets: ["tantra"]),
    .library(name: "TantraWeights", targets: ["TantraWeights"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  // The layers, top to bottom: a target imports only what stands above it, and only FuseServer imports CFuse.
  targets: [
    // MARK: C libraries
    .target(name: "CFuse", path: "CFuse", publicHeadersPath: "include", linkerSettings: [.linkedLibrary("fuse3")]),
    .target(name: "CDecompress", linkerSettings: ["z", "bz2", "lzma"].map { .linkedLibrary($0) }),
    .target(name: "CDeflate", linkerSettings: [.linkedLibrary("deflate")]),
    .target(name: "CPlanes", linkerSettings: ["zstd", "m"].map { .linkedLibrary($0) }),
    .target(name: "CPosix"),
    .target(name: "CCurl"),
    .target(name: "CMambaKernels", linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CQuantize", linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CImages", linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg")]),

    // MARK: Values
    .target(name: "Tensors", dependencies: ["CDeflate", crypto], swiftSettings: strict),

    // MARK: The operating system
    .target(name: "PosixIO", dependencies: ["CPosix", system], swiftSettings: strict),

    // MARK: Bytes <-> state dict
    .target(name: "WeightFormats", dependencies: ["CDecompress", "Tensors", "PosixIO"], swiftSettings: strict),

    // MARK: The store
    .target(name: "BlobStore", dependencies: ["CPlanes", "Tensors", "PosixIO", system], swiftSettings: strict),
    .target(
      name: "StoreRecords",
      dependencies: ["Tensors", "PosixIO", "WeightFormats", "BlobStore", hashTrees, logging, sqlite, system],
      swiftSettings: strict),
    .target(
      name: "WeightRegistry",
      dependencies: ["Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", logging, system],
      swiftSettings: strict),
    .target(
      name: "DerivedViews",
      dependencies: [
        "CQuantize", "Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", "WeightRegistry",
      ],
      swiftSettings: strict),
    .target(
      name: "Remotes",
      dependencies: [
        "CCurl", "Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", "WeightRegistry", crypto, logging,
        system,
      ],
      swiftSettings: strict),
    .target(
      name: "StoreClient",
      dependencies: ["PosixIO", "WeightFormats", "StoreRecords", "WeightRegistry", "Remotes", logging, system],
      swiftSettings: strict),

    .target(
      name: "TantraWeights",
      dependencies: [
        "Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", "WeightRegistry", "StoreClient", logging,
      ],
      swiftSettings: strict),

    // MARK: The mount
    .target(
      name: "WeightsFS",
      dependencies: [
        "Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", "WeightRegistry", "DerivedViews",
        "StoreClient", logging, system,
      ],
      swiftSettings: strict),
    .target(
      name: "FuseServer",
      dependencies: ["CFuse", "PosixIO", "BlobStore", "StoreRecords", "WeightRegistry", "WeightsFS", logging, system],
      swiftSettings: strict),

    // MARK: The models
    .target(
      name: "TantraRuntime", dependencies: ["CMambaKernels", "CImages", "Tensors", "PosixIO", "WeightFormats", system],
      swiftSettings: strict),

    // MARK: The bench
    .target(
      name: "TantraBench",
      dependencies: [
        "CDeflate", "Tensors", "PosixIO", "BlobStore", "StoreRecords", "StoreClient", "FuseServer", system,
      ],
      swiftSettings: strict),

    // MARK: The command line
    .executableTarget(
      name: "tantra",
      dependencies: [
        "Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", "WeightRegistry", "DerivedViews", "Remotes",
        "StoreClient", "WeightsFS", "FuseServer", "TantraRuntime", "TantraBench", argumentParser, logging, system,
      ],
      swiftSettings: strict,
      // Without Swift's libraries to find and relocate, a command starts twice as fast, and the program runs without Swift.
      linkerSettings: [.unsafeFlags(["-static-stdlib"])]
        + ["CoreFoundation", "_FoundationICU", "_FoundationCShims", "_FoundationCollections"].map { .linkedLibrary($0) }
    ),

    // MARK: Tests
    .target(
      name: "TestSupport", dependencies: ["PosixIO", "Tensors", "WeightFormats", "TantraRuntime"],
      path: "Tests/TestSupport",
      swiftSettings: strict),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"], swiftSettings: quick),
    .testTarget(name: "PosixIOTests", dependencies: ["PosixIO", "TestSupport", system], swiftSettings: quick),
    .testTarget(
      name: "BlobStoreTests", dependencies: ["CPlanes", "BlobStore", "PosixIO", "Tensors", "TestSupport", system],
      swiftSettings: quick),
    .testTarget(
      name: "StoreRecordsTests",
      dependencies: [
        "StoreRecords", "WeightFormats", "BlobStore", "PosixIO", "Tensors", "TestSupport", logging, system,
      ],
      swiftSettings: quick),
    .testTarget(
      name: "WeightRegistryTests",
      dependencies: [
        "WeightRegistry", "StoreRecords", "WeightFormats", "BlobStore", "PosixIO", "Tensors", "TestSupport", logging,
        system,
      ],
      swiftSettings: quick),
    .testTarget(
      name: "DerivedViewsTests",
      dependencies: [
        "DerivedViews", "WeightRegistry", "StoreRecords", "WeightFormats", "BlobStore", "Tensors", "TestSupport",
        logging,
      ],
      swiftSettings: quick),
    .testTarget(
      name: "RemotesTests",
      dependencies: [
        "Remotes", "WeightRegistry", "StoreRecords", "WeightFormats", "BlobStore", "PosixIO", "Tensors", "TestSupport",
        logging,
      ],
      swiftSettings: quick),
    .testTarget(
      name: "StoreClientTests",
      dependencies: ["StoreClient", "StoreRecords", "WeightRegistry", "WeightFormats", "TestSupport", logging],
      swiftSettings: quick),
    .testTarget(
      name: "TantraWeightsTests", dependencies: ["TantraWeights", "TestSupport"], swiftSettings: quick),
    .testTarget(
      name: "WeightsFSTests",
      dependencies: [
        "WeightsFS", "StoreClient", "WeightRegistry", "StoreRecords", "BlobStore", "WeightFormats", "PosixIO",
        "Tensors",
        "TestSupport", logging,
      ],
      swiftSettings: quick),
    .executableTarget(
      name: "ImportBenchmark",
      dependencies: ["Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", "WeightRegistry", logging],
      path: "Tests/ImportBenchmark", swiftSettings: strict),
    .executableTarget(
      name: "ScaleBenchmark",
      dependencies: [
        "Tensors", "PosixIO", "WeightFormats", "BlobStore", "StoreRecords", "WeightRegistry", "WeightsFS",
        "TestSupport",
        logging,
      ],
      path: "Tests/ScaleBenchmark", swiftSettings: strict),
    .testTarget(
      name: "TantraBenchTests", dependencies: ["TantraBench", "PosixIO", "Tensors", "TestSupport"],
      swiftSettings: quick),
    .testTarget(
      name: "TantraTests",
      dependencies: [
        "PosixIO", "Tensors", "BlobStore", "StoreRecords", "WeightRegistry", "TantraRuntime", "TestSupport", logging,
      ],
      swiftSettings: quick),
    .testTarget(
      // They compare tensors of millions of elements, one by one.
      name: "WeightFormatsTests", dependencies: ["Tensors", "WeightFormats", "TestSupport", "FormatFuzzer"],
      swiftSettings: strict),
    .executableTarget(
      name: "FormatFuzzer", dependencies: ["Tensors", "PosixIO", "WeightFormats", "TestSupport"],
      path: "Tests/FormatFuzzer", swiftSettings: strict),
    .executableTarget(
      name: "MountFixture",
      dependencies: [
        "PosixIO", "BlobStore", "StoreRecords", "WeightRegistry", "WeightsFS", "FuseServer", logging, system,
      ],
      path: "Tests/MountFixture", swiftSettings: strict),
    .testTarget(
      name: "TantraRuntimeTests", dependencies: ["CMambaKernels", "Tensors", "TantraRuntime", "TestSupport"],
      swiftSettings: quick),
    .executableTarget(
      name: "RuntimeBenchmark", dependencies: ["CMambaKernels", "Tensors", "TantraRuntime"],
      path: "Tests/RuntimeBenchmark",
      swiftSettings: strict),
    .testTarget(
      name: "FuseServerTests",
      dependencies: ["PosixIO", "BlobStore", "WeightsFS", "FuseServer", "MountFixture", "TestSupport", logging],
      swiftSettings: quick),
  ]
)
