// Differences between oneDNN 2 and 3: version 2 describes an operation and makes a primitive description of it, version
// 3 has one step.
#pragma once

#include <dnnl.hpp>

namespace coldstart {

using Dims = dnnl::memory::dims;
using Layout = dnnl::memory::desc;

// A matrix product in the form from which primitive descriptions are made. It must outlive them: oneDNN 2 reads it in
// next_impl.
class ProductDescription {
 public:
  // `bias`: nullptr for none.
  ProductDescription(const Layout& a, const Layout& b, const Layout* bias, const Layout& out,
                     const dnnl::primitive_attr& attributes, const dnnl::engine& engine)
#if DNNL_VERSION_MAJOR >= 3
      : a_(a), b_(b), bias_(bias == nullptr ? Layout() : *bias), out_(out), attributes_(attributes), engine_(engine) {
  }

  dnnl::matmul::primitive_desc make() const { return {engine_, a_, b_, bias_, out_, attributes_}; }

 private:
  Layout a_, b_, bias_, out_;
#else
      : description_(bias == nullptr ? dnnl::matmul::desc(a, b, out) : dnnl::matmul::desc(a, b, *bias, out)),
        attributes_(attributes),
        engine_(engine) {
  }

  dnnl::matmul::primitive_desc make() const { return {description_, attributes_, engine_}; }

 private:
  dnnl::matmul::desc description_;
#endif
  dnnl::primitive_attr attributes_;
  dnnl::engine engine_;
};

// The layouts of a two-dimensional convolution or pooling, and how its window moves; dilations: 0 for none.
struct WindowDescription {
  Layout source, filter, target;
  Dims size, strides, dilations, padBefore, padAfter;
};

constexpr auto kDirect = dnnl::algorithm::convolution_direct;
constexpr auto kTraining = dnnl::prop_kind::forward_training;

inline dnnl::convolution_forward::primitive_desc convolutionForward(const dnnl::engine& engine,
                                                                    const WindowDescription& w) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kTraining, kDirect, w.source, w.filter, w.target, w.strides, w.dilations, w.padBefore, w.padAfter};
#else
  return {{kTraining, kDirect, w.source, w.filter, w.target, w.strides, w.dilations, w.padBefore, w.padAfter}, engine};
#endif
}

inline dnnl::convolution_backward_data::primitive_desc convolutionToSource(const dnnl::engine& engine,
                                                                           const WindowDescription& w) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine,    kDirect,     w.source,    w.filter,   w.target,
          w.strides, w.dilations, w.padBefore, w.padAfter, convolutionForward(engine, w)};
#else
  return {{kDirect, w.source, w.filter, w.target, w.strides, w.dilations, w.padBefore, w.padAfter},
          engine,
          convolutionForward(engine, w)};
#endif
}

inline dnnl::convolution_backward_weights::primitive_desc convolutionToFilter(const dnnl::engine& engine,
                                                                              const WindowDescription& w) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine,    kDirect,     w.source,    w.filter,   w.target,
          w.strides, w.dilations, w.padBefore, w.padAfter, convolutionForward(engine, w)};
#else
  return {{kDirect, w.source, w.filter, w.target, w.strides, w.dilations, w.padBefore, w.padAfter},
          engine,
          convolutionForward(engine, w)};
#endif
}

inline dnnl::pooling_forward::primitive_desc poolingForward(const dnnl::engine& engine, dnnl::algorithm kind,
                                                            const WindowDescription& w) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kTraining, kind, w.source, w.target, w.strides, w.size, w.dilations, w.padBefore, w.padAfter};
#else
  return {{kTraining, kind, w.source, w.target, w.strides, w.size, w.padBefore, w.padAfter}, engine};
#endif
}

}  // namespace coldstart
