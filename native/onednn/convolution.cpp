// Two-dimensional convolution over [batch, height, width, channels] and its gradients.
#include "oneDnn.h"
#include "versions.h"

namespace coldstart {

namespace {

using Tag = dnnl::memory::format_tag;
constexpr auto kFloat = dnnl::memory::data_type::f32;

struct Geometry {
  int64_t batch, height, width, channels, outHeight, outWidth, outChannels, filterHeight, filterWidth;
  Dims strides, dilations, padBefore, padAfter;
  PrimitiveKey key;

  Dims source() const { return {batch, channels, height, width}; }
  Dims target() const { return {batch, outChannels, outHeight, outWidth}; }
  Dims filter() const { return {outChannels, channels, filterHeight, filterWidth}; }
  int64_t sourceSize() const { return elementsOf({batch, channels, height, width}); }
  int64_t targetSize() const { return elementsOf({batch, outChannels, outHeight, outWidth}); }
  int64_t filterSize() const { return elementsOf({outChannels, channels, filterHeight, filterWidth}); }
};

// Attributes: batch, height, width, channels, out height, out width, out channels, filter height, filter width,
// strides, dilations (1: none), padding above, to the left, below, to the right.
Geometry geometryOf(Call& call, int64_t kind) {
  Geometry g{};
  int64_t* sizes[] = {&g.batch,    &g.height,      &g.width,        &g.channels,   &g.outHeight,
                      &g.outWidth, &g.outChannels, &g.filterHeight, &g.filterWidth};
  int next = 0;
  for (int64_t* size : sizes) {
    *size = call.integer(next++);
    require(*size > 0, "every size must be positive");
  }
  g.strides = {call.integer(9), call.integer(10)};
  g.dilations = {call.integer(11) - 1, call.integer(12) - 1};
  g.padBefore = {call.integer(13), call.integer(14)};
  g.padAfter = {call.integer(15), call.integer(16)};
  for (int i = 9; i < 17; i++)
    require(call.integer(i) >= (i < 13 ? 1 : 0) && call.integer(i) <= INT32_MAX,
            "strides and dilations must be positive, padding not negative");
  g.key = {kind};
  for (int i = 0; i < 17; i++) g.key.push_back(call.integer(i));
  return g;
}

dnnl::memory::desc channelsLast(const Dims& dims) { return {dims, kFloat, Tag::nhwc}; }

// oneDNN picks the order of the filter.
WindowDescription windowOf(const Geometry& g) {
  return {channelsLast(g.source()),
          {g.filter(), kFloat, Tag::any},
          channelsLast(g.target()),
          {g.filterHeight, g.filterWidth},
          g.strides,
          g.dilations,
          g.padBefore,
          g.padAfter};
}

// A filter is stored as [height, width, in, out]; oneDNN picks another order, kept in scratch memory.
dnnl::memory plainFilter(OneDnn& oneDnn, const Geometry& g, const float* data) {
  return oneDnn.memory({g.filter(), kFloat, Tag::hwio}, data);
}

void reorder(OneDnn& oneDnn, dnnl::memory& from, dnnl::memory& to) {
  oneDnn.run(dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

dnnl::memory orderedFilter(Call& call, const Geometry& g, const dnnl::memory::desc& layout, const float* data) {
  dnnl::memory plain = plainFilter(call.oneDnn(), g, data);
  if (layout == plain.get_desc()) return plain;
  dnnl::memory ordered = call.oneDnn().memory(layout, call.scratch(static_cast<int64_t>(layout.get_size())));
  reorder(call.oneDnn(), plain, ordered);
  return ordered;
}

// x, filter → y
void convolution(Call& call) {
  const Geometry g = geometryOf(call, 'c');
  OneDnn& oneDnn = call.oneDnn();
  const float* x = call.floats(0, g.sourceSize()).f32();
  const float* filter = call.floats(1, g.filterSize()).f32();
  const float* y = call.floats(2, g.targetSize()).f32();
  const Primitive& made = oneDnn.primitive(g.key, [&] {
    const auto chosen = convolutionForward(oneDnn.engine(), windowOf(g));
    return Primitive{dnnl::convolution_forward(chosen), {chosen.weights_desc()}};
  });
  const dnnl::memory ordered = orderedFilter(call, g, made.layouts[0], filter);
  oneDnn.run(made.primitive, {{DNNL_ARG_SRC, oneDnn.memory(channelsLast(g.source()), x)},
                              {DNNL_ARG_WEIGHTS, ordered},
                              {DNNL_ARG_DST, oneDnn.memory(channelsLast(g.target()), y)}});
}

// dy, filter → dx
void convolutionInputGrad(Call& call) {
  const Geometry g = geometryOf(call, 'i');
  OneDnn& oneDnn = call.oneDnn();
  const float* dy = call.floats(0, g.targetSize()).f32();
  const float* filter = call.floats(1, g.filterSize()).f32();
  const float* dx = call.floats(2, g.sourceSize()).f32();
  const Primitive& made = oneDnn.primitive(g.key, [&] {
    const auto chosen = convolutionToSource(oneDnn.engine(), windowOf(g));
    return Primitive{dnnl::convolution_backward_data(chosen), {chosen.weights_desc()}};
  });
  const dnnl::memory ordered = orderedFilter(call, g, made.layouts[0], filter);
  oneDnn.run(made.primitive, {{DNNL_ARG_DIFF_DST, oneDnn.memory(channelsLast(g.target()), dy)},
                              {DNNL_ARG_WEIGHTS, ordered},
                              {DNNL_ARG_DIFF_SRC, oneDnn.memory(channelsLast(g.source()), dx)}});
}

// x, dy → dFilter
void convolutionFilterGrad(Call& call) {
  const Geometry g = geometryOf(call, 'f');
  OneDnn& oneDnn = call.oneDnn();
  const float* x = call.floats(0, g.sourceSize()).f32();
  const float* dy = call.floats(1, g.targetSize()).f32();
  const float* dFilter = call.floats(2, g.filterSize()).f32();
  const Primitive& made = oneDnn.primitive(g.key, [&] {
    const auto chosen = convolutionToFilter(oneDnn.engine(), windowOf(g));
    return Primitive{dnnl::convolution_backward_weights(chosen), {chosen.diff_weights_desc()}};
  });
  dnnl::memory plain = plainFilter(oneDnn, g, dFilter);
  const bool isPlain = made.layouts[0] == plain.get_desc();
  dnnl::memory found =
      isPlain ? plain : oneDnn.memory(made.layouts[0], call.scratch(static_cast<int64_t>(made.layouts[0].get_size())));
  oneDnn.run(made.primitive, {{DNNL_ARG_SRC, oneDnn.memory(channelsLast(g.source()), x)},
                              {DNNL_ARG_DIFF_DST, oneDnn.memory(channelsLast(g.target()), dy)},
                              {DNNL_ARG_DIFF_WEIGHTS, found}});
  if (!isPlain) reorder(oneDnn, found, plain);
}

// x → y; attributes as a convolution's, the channels as out channels
template <bool isMax>
void pooling(Call& call) {
  const Geometry g = geometryOf(call, isMax ? 'P' : 'A');
  OneDnn& oneDnn = call.oneDnn();
  const float* x = call.floats(0, g.sourceSize()).f32();
  const float* y = call.floats(1, g.targetSize()).f32();
  const Primitive& made = oneDnn.primitive(g.key, [&] {
    const auto kind = isMax ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_exclude_padding;
    const auto chosen = poolingForward(oneDnn.engine(), kind, windowOf(g));
    return Primitive{dnnl::pooling_forward(chosen), {chosen.workspace_desc()}};
  });
  const size_t workspaceBytes = made.layouts[0].get_size();
  const dnnl::memory workspace = oneDnn.memory(
      made.layouts[0], workspaceBytes == 0 ? nullptr : call.scratch(static_cast<int64_t>(workspaceBytes)));
  std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, oneDnn.memory(channelsLast(g.source()), x)},
                                                  {DNNL_ARG_DST, oneDnn.memory(channelsLast(g.target()), y)}};
  if (workspaceBytes != 0) arguments.emplace(DNNL_ARG_WORKSPACE, workspace);
  oneDnn.run(made.primitive, arguments);
}

}  // namespace

void registerConvolution(KernelTable& table) {
  table.push_back({"Convolution", convolution});
  table.push_back({"ConvolutionInputGrad", convolutionInputGrad});
  table.push_back({"ConvolutionFilterGrad", convolutionFilterGrad});
  table.push_back({"MaxPooling", pooling<true>});
  table.push_back({"AveragePooling", pooling<false>});
}

}  // namespace coldstart
