/// A Python class or function on the list of those that make data from data.
///
/// The rule: a global is on the list if what it makes of numbers, texts, bytes and containers of these is data as well. Calling
/// it opens no file but the module's own, and runs no code that a pickle brings along. What it makes does nothing when it is
/// changed, compared, shown or freed. So a class with settings is on the list, and a function that calls its argument is not.
/// Importing a module of an installed package is no act of the pickle's author.
struct InertGlobal: Sendable, Hashable {
  /// How a pickle may use it.
  enum Rule: Sendable, Hashable {
    /// As a value; never called.
    case name
    /// Made without arguments; its attributes are set from a dictionary.
    case object
    /// A `dict` of another name: made without arguments, then filled.
    case mapping
    /// Called with data.
    case call
    /// Called with data, other globals of its kind among it; then given a state.
    case callThenState
    /// A list of another name: called with data, then appended to.
    case sequence
    /// A kind of tensor that has no plain storage: called with anything that torch writes.
    case oddTensor(String)
  }

  let path: String
  let rule: Rule

  /// What kind of tensor it makes; nil if it makes none.
  var oddTensor: String? {
    if case .oddTensor(let kind) = rule { kind } else { nil }
  }

  private static func entries(_ rule: Rule, _ module: String, _ names: String...) -> [InertGlobal] {
    names.map { InertGlobal(path: module + "." + $0, rule: rule) }
  }

  /// The list.
  static let all: [InertGlobal] = python + numpy + torch + settings

  private static let python: [InertGlobal] =
    entries(
      .name, "builtins", "int", "float", "str", "bool", "list", "dict", "tuple", "bytes", "object", "Ellipsis",
      "NotImplemented")
    + entries(.call, "builtins", "range", "slice") + entries(.name, "typing", "Any")
    + entries(.call, "datetime", "datetime", "date", "time", "timedelta", "timezone")
    + entries(.call, "decimal", "Decimal") + entries(.call, "fractions", "Fraction")
    + entries(.object, "uuid", "UUID") + entries(.call, "uuid", "SafeUUID")
    + entries(.sequence, "collections", "deque")
    + ["pathlib", "pathlib._local"].flatMap {
      entries(.call, $0, "Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
    }
    + entries(.object, "argparse", "Namespace") + entries(.object, "types", "SimpleNamespace")

  private static let numpy: [InertGlobal] =
    entries(
      .name, "numpy", "bool_", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
      "float16", "float32", "float64", "longdouble", "complex64", "complex128", "str_", "bytes_", "datetime64",
      "timedelta64", "generic", "number", "integer", "floating")
    + entries(
      .name, "numpy.dtypes", "BoolDType", "ByteDType", "BytesDType", "CLongDoubleDType", "Complex128DType",
      "Complex64DType", "DateTime64DType", "Float16DType", "Float32DType", "Float64DType", "Int16DType", "Int32DType",
      "Int64DType", "Int8DType", "IntDType", "LongDType", "LongDoubleDType", "LongLongDType", "ShortDType", "StrDType",
      "TimeDelta64DType", "UByteDType", "UInt16DType", "UInt32DType", "UInt64DType", "UInt8DType", "UIntDType",
      "ULongDType", "ULongLongDType", "UShortDType", "VoidDType")
    + entries(
      .callThenState, "numpy.random._pickle", "__generator_ctor", "__bit_generator_ctor", "__randomstate_ctor")
    + entries(.callThenState, "numpy.random", "__RandomState_ctor")
    + entries(.callThenState, "numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")
    + entries(.name, "numpy.random.bit_generator", "SeedSequence")
    + entries(.name, "numpy.random._pcg64", "PCG64", "PCG64DXSM") + entries(.name, "numpy.random._mt19937", "MT19937")
    + entries(.name, "numpy.random._philox", "Philox") + entries(.name, "numpy.random._sfc64", "SFC64")
    + entries(.object, "joblib.numpy_pickle", "NumpyArrayWrapper")

  /// What `torch.load(weights_only=True)` makes beside plain tensors.
  private static let torch: [InertGlobal] =
    entries(.oddTensor("a quantized tensor"), "torch._utils", "_rebuild_qtensor")
    + entries(.oddTensor("a sparse tensor"), "torch._utils", "_rebuild_sparse_tensor")
    + entries(.oddTensor("a meta tensor"), "torch._utils", "_rebuild_meta_tensor_no_storage")
    + entries(.oddTensor("a nested tensor"), "torch._utils", "_rebuild_nested_tensor")
    + entries(.oddTensor("a tensor of a wrapper class"), "torch._utils", "_rebuild_wrapper_subclass")
    + entries(
      .oddTensor("a tensor of a device without storages"), "torch._utils", "_rebuild_device_tensor_from_cpu_tensor",
      "_rebuild_device_tensor_from_numpy")
    + entries(.oddTensor("a layout of tensors"), "torch.serialization", "_get_layout")
    + entries(.name, "torch.storage", "TypedStorage") + entries(.call, "torch.torch_version", "TorchVersion")
    + (1...7).flatMap { entries(.name, "torch", "int\($0)", "uint\($0)") }
    + entries(
      .name, "torch", "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "bits8", "bits16", "bits1x8", "bits2x4",
      "bits4x2", "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
      "per_channel_affine_float_qparams")
    + ["torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse"].flatMap {
      entries(
        .name, $0, "FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor", "LongTensor", "IntTensor",
        "ShortTensor", "CharTensor", "ByteTensor", "BoolTensor")
    }

  /// Settings as trainers keep them.
  private static let settings: [InertGlobal] =
    [
      "lightning.fabric.utilities.data", "lightning_fabric.utilities.data", "pytorch_lightning.utilities.data",
      "pytorch_lightning.utilities.parsing", "lightning.pytorch.utilities.parsing",
    ].flatMap { entries(.mapping, $0, "AttributeDict") }
    + ["pytorch_lightning", "lightning.pytorch"].flatMap {
      entries(.name, $0 + ".callbacks.model_checkpoint", "ModelCheckpoint")
        + entries(.name, $0 + ".callbacks.early_stopping", "EarlyStopping")
    }
    + entries(.object, "omegaconf.dictconfig", "DictConfig") + entries(.object, "omegaconf.listconfig", "ListConfig")
    + entries(.object, "omegaconf.base", "ContainerMetadata", "Metadata", "UnionNode")
    + entries(.name, "omegaconf.base", "Node")
    + entries(
      .object, "omegaconf.nodes", "AnyNode", "StringNode", "IntegerNode", "FloatNode", "BooleanNode", "BytesNode",
      "PathNode", "EnumNode")
    + entries(.mapping, "easydict", "EasyDict") + entries(.mapping, "addict.addict", "Dict")
    + entries(.mapping, "munch", "Munch") + entries(.mapping, "yacs.config", "CfgNode")
    + entries(.mapping, "fvcore.common.config", "CfgNode") + entries(.mapping, "mmengine.config.config", "ConfigDict")
    + entries(.mapping, "mmcv.utils.config", "ConfigDict")
    + entries(.object, "ml_collections.config_dict.config_dict", "ConfigDict")
    + entries(.object, "transformers.training_args", "TrainingArguments")
    + entries(.object, "transformers.training_args_seq2seq", "Seq2SeqTrainingArguments")
    + entries(.object, "trl.trainer.sft_config", "SFTConfig") + entries(.object, "trl.trainer.dpo_config", "DPOConfig")
    + entries(
      .call, "transformers.trainer_utils", "IntervalStrategy", "SaveStrategy", "EvaluationStrategy", "SchedulerType",
      "HubStrategy", "FSDPOption")
    + entries(.call, "transformers.training_args", "OptimizerNames")
    + entries(.call, "transformers.debug_utils", "DebugOption")
    + entries(.object, "transformers.trainer_pt_utils", "AcceleratorConfig")
    + entries(.object, "accelerate.state", "PartialState")
    + entries(.call, "accelerate.utils.dataclasses", "DistributedType")
}
