#include "graph.h"

#include <algorithm>
#include <array>
#include <list>

#include "status.h"

namespace deepyeast::cuda {
namespace {

// Unique identifiers of the tensors that have memory.
enum Tensor : std::int64_t { x_tensor = 1, w_tensor, y_tensor, scale_tensor, shift_tensor, first_virtual_tensor };

// All tensors start at multiples of 16 bytes: buffers at 256, parameters and folded scales at 64 within theirs.
constexpr std::int64_t kAlignment = 16;

using Sizes = std::array<std::int64_t, 4>;

// cuDNN takes sizes in the order N, C, H, W; the strides say that channels lie innermost.
Sizes channels_last(const Sizes& sizes) { return {sizes[1] * sizes[2] * sizes[3], 1, sizes[3] * sizes[1], sizes[1]}; }

Descriptor tensor(std::int64_t identifier, const Sizes& sizes, cudnnDataType_t type, bool is_virtual = false) {
  Descriptor descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const Sizes strides = channels_last(sizes);
  descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, sizes.data());
  descriptor.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides.data());
  descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, identifier);
  descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignment);
  descriptor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
  descriptor.finalize();
  return descriptor;
}

Descriptor convolution_descriptor() {
  Descriptor descriptor(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const std::int64_t ones[2] = {1, 1};
  descriptor.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
  descriptor.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, ones);
  descriptor.finalize();
  return descriptor;
}

// The attributes of the three convolution operations.
struct ConvolutionAttributes {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t convolution, x, w, y, alpha, beta;
};

ConvolutionAttributes attributes_of(GraphKind kind) {
  switch (kind) {
    case GraphKind::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case GraphKind::backward_weights:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
    default:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
  }
}

// A graph and every descriptor that it was made of, kept as long as it is.
struct OperationGraph {
  std::list<Descriptor> parts;
  Descriptor& keep(Descriptor descriptor) {
    parts.push_back(std::move(descriptor));
    return parts.back();
  }
  const Descriptor& graph() const { return parts.back(); }
};

// y = f(x, b); b null for one operand.
Descriptor& pointwise(OperationGraph& graph, cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b,
                      const Descriptor& y) {
  Descriptor& description = graph.keep(Descriptor(CUDNN_BACKEND_POINTWISE_DESCRIPTOR));
  description.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  description.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  description.finalize();
  Descriptor& operation = graph.keep(Descriptor(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, description);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  operation.finalize();
  return operation;
}

std::shared_ptr<const OperationGraph> operation_graph(const GraphTarget& target, GraphKind kind,
                                                      const ConvolutionShape& shape, cudnnDataType_t data_type,
                                                      cudnnDataType_t weight_type) {
  const std::int64_t n = shape.batch, h = shape.height, w = shape.width, c = shape.input_channels,
                     k = shape.output_channels;
  const Sizes y_sizes = {n, k, h, w}, vector_sizes = {1, k, 1, 1};
  const bool epilogue = kind == GraphKind::forward_epilogue;
  auto result = std::make_shared<OperationGraph>();
  OperationGraph& all = *result;
  const Descriptor& x = all.keep(tensor(x_tensor, {n, c, h, w}, data_type));
  const Descriptor& weights = all.keep(tensor(w_tensor, {k, c, 3, 3}, weight_type));
  const Descriptor& y = all.keep(tensor(y_tensor, y_sizes, data_type));
  const Descriptor* linear = &y;
  if (epilogue) linear = &all.keep(tensor(first_virtual_tensor, y_sizes, CUDNN_DATA_FLOAT, true));

  const ConvolutionAttributes attributes = attributes_of(kind);
  const float one = 1, zero = 0;
  const Descriptor& convolution = all.keep(convolution_descriptor());
  Descriptor& operation = all.keep(Descriptor(attributes.type));
  operation.set(attributes.convolution, convolution);
  operation.set(attributes.x, x);
  operation.set(attributes.w, weights);
  operation.set(attributes.y, *linear);
  operation.set(attributes.alpha, CUDNN_TYPE_FLOAT, 1, &one);
  operation.set(attributes.beta, CUDNN_TYPE_FLOAT, 1, &zero);
  operation.finalize();

  std::vector<cudnnBackendDescriptor_t> operations = {operation.get()};
  if (epilogue) {
    const Descriptor& scale = all.keep(tensor(scale_tensor, vector_sizes, CUDNN_DATA_FLOAT));
    const Descriptor& shift = all.keep(tensor(shift_tensor, vector_sizes, CUDNN_DATA_FLOAT));
    const Descriptor& scaled = all.keep(tensor(first_virtual_tensor + 1, y_sizes, CUDNN_DATA_FLOAT, true));
    const Descriptor& shifted = all.keep(tensor(first_virtual_tensor + 2, y_sizes, CUDNN_DATA_FLOAT, true));
    operations.push_back(pointwise(all, CUDNN_POINTWISE_MUL, *linear, &scale, scaled).get());
    operations.push_back(pointwise(all, CUDNN_POINTWISE_ADD, scaled, &shift, shifted).get());
    operations.push_back(pointwise(all, CUDNN_POINTWISE_RELU_FWD, shifted, nullptr, y).get());
  }
  Descriptor& graph = all.keep(Descriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
  if (target.handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
            static_cast<std::int64_t>(operations.size()), operations.data());
  graph.finalize();
  return result;
}

std::vector<Descriptor> configurations(const GraphTarget& target, const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  std::vector<Descriptor> found;
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
#if CUDNN_VERSION >= 90800
  if (target.handle == nullptr) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.device);
#else
  (void)target;
#endif
  heuristics.finalize();
  std::int64_t count = heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
  std::vector<cudnnBackendDescriptor_t> handles;
  for (std::int64_t i = 0; i < count; ++i) {
    found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    handles.push_back(found.back().get());
  }
  if (count > 0)
    count = heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, handles.data());
  while (static_cast<std::int64_t>(found.size()) > count) found.pop_back();
  return found;
}

struct EngineNotes {
  std::string name;
  bool allowed;
};

// ",type=value" of every knob. cuDNN does not say how many there are until it has been given room for some, so there is
// room for one of each type.
std::string knobs_of(const Descriptor& configuration) {
  constexpr std::int64_t most = CUDNN_KNOB_TYPE_COUNTS;
  std::vector<Descriptor> choices;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (std::int64_t i = 0; i < most; ++i) {
    choices.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    handles.push_back(choices.back().get());
  }
  const std::int64_t present =
      configuration.get(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, handles.data());
  std::string text;
  for (std::int64_t i = 0; i < std::min(most, present); ++i) {
    cudnnBackendKnobType_t type{};
    std::int64_t value = 0;
    const Descriptor& choice = choices[static_cast<std::size_t>(i)];
    choice.get(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type);
    choice.get(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &value);
    text += "," + std::to_string(static_cast<int>(type)) + "=" + std::to_string(value);
  }
  return text;
}

EngineNotes describe(const Descriptor& configuration, CudaPrecision precision) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &handle);
  std::int64_t index = -1;
  engine.get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &index);
  EngineNotes notes{"engine" + std::to_string(index), true};

  cudnnBackendNumericalNote_t numerical[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  const std::int64_t count =
      std::min<std::int64_t>(CUDNN_NUMERICAL_NOTE_TYPE_COUNT,
                             engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                        CUDNN_NUMERICAL_NOTE_TYPE_COUNT, numerical));
  for (std::int64_t i = 0; i < count; ++i) {
    switch (numerical[i]) {
      case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
      case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
        notes.allowed = false;
        break;
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:  // of float32: TF32
      case CUDNN_NUMERICAL_NOTE_FFT:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
        if (precision == cuda_float32) notes.allowed = false;
        break;
      default: break;
    }
  }

  notes.name += knobs_of(configuration);
  return notes;
}

}  // namespace

const char* name_of(GraphKind kind) {
  switch (kind) {
    case GraphKind::forward: return "forward";
    case GraphKind::forward_epilogue: return "forward with epilogue";
    case GraphKind::backward_data: return "data gradient";
    default: return "weight gradient";
  }
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check(cudnnBackendCreateDescriptor(type, &descriptor_), "descriptor of type " + std::to_string(type));
}

Descriptor::~Descriptor() {
  if (descriptor_ != nullptr) cudnnBackendDestroyDescriptor(descriptor_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                     const void* values) {
  check(cudnnBackendSetAttribute(descriptor_, name, type, count, values), "attribute " + std::to_string(name));
}

void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  const cudnnBackendDescriptor_t handle = value.get();
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &handle);
}

void Descriptor::finalize() { check(cudnnBackendFinalize(descriptor_), "finalizing a descriptor"); }

std::int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t capacity,
                             void* values) const {
  std::int64_t count = 0;
  check(cudnnBackendGetAttribute(descriptor_, name, type, capacity, &count, values),
        "reading attribute " + std::to_string(name));
  return count;
}

void Engine::prepare(const GraphTarget& target) {
  if (plan_) return;
  auto plan = std::make_unique<Descriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  if (target.handle != nullptr) plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
#if CUDNN_VERSION >= 90800
  else plan->set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.device);
#endif
  plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration_);
  plan->finalize();
  plan->get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &workspace_bytes_);
  plan_ = std::move(plan);
}

void Engine::execute(cudnnHandle_t handle, const GraphPointers& pointers, GraphKind kind, void* workspace) const {
  const bool epilogue = kind == GraphKind::forward_epilogue;
  const std::int64_t identifiers[5] = {x_tensor, w_tensor, y_tensor, scale_tensor, shift_tensor};
  const void* data[5] = {pointers.x, pointers.w, pointers.y, pointers.scale, pointers.shift};
  const std::int64_t count = epilogue ? 5 : 3;
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, identifiers);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, data);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pack.finalize();
  check(cudnnBackendExecute(handle, plan_->get(), pack.get()), std::string("convolution, ") + name_of(kind) + ", " + name_);
}

std::vector<Engine> find_engines(const GraphTarget& target, GraphKind kind, const ConvolutionShape& shape,
                                 CudaPrecision precision, cudnnDataType_t weight_type, std::size_t most) {
  const cudnnDataType_t data_type = precision == cuda_bfloat16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  const auto graph = operation_graph(target, kind, shape, data_type,
                                     kind == GraphKind::backward_weights ? weight_type : data_type);
  std::vector<Engine> engines;
  // Those to fall back to come after the others: a promising engine may turn out not to work.
  const struct {
    cudnnBackendHeurMode_t mode;
    std::size_t most;
  } sources[] = {{CUDNN_HEUR_MODE_A, most}, {CUDNN_HEUR_MODE_FALLBACK, most + 2}};
  for (const auto& source : sources) {
    std::vector<Descriptor> found;
    try {
      found = configurations(target, graph->graph(), source.mode);
    } catch (const Error&) {
      continue;  // a mode that knows nothing of the graph
    }
    for (Descriptor& configuration : found) {
      if (engines.size() >= source.most) break;
      try {
        const EngineNotes notes = describe(configuration, precision);
        const bool known = std::any_of(engines.begin(), engines.end(),
                                       [&](const Engine& engine) { return engine.name() == notes.name; });
        if (notes.allowed && !known) engines.emplace_back(graph, std::move(configuration), notes.name);
      } catch (const Error&) {
        // An engine that does not say what it is is not used.
      }
    }
  }
  return engines;
}

}  // namespace deepyeast::cuda
