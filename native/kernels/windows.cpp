// Windows over images [batch, height, width, channels]: depthwise convolution with its gradients, and the gradients of
// pooling. Every output has one writer and one order of summation: the same bits for any number of threads.
#include "loops.h"
#include "vectorMath.h"

COLDSTART_KERNELS_BEGIN

namespace {

struct Windows {
  int64_t batch, height, width, channels, outHeight, outWidth, outChannels, filterHeight, filterWidth;
  int64_t strideHeight, strideWidth, dilationHeight, dilationWidth, top, left;
  int64_t sourceSize, targetSize;
};

// Attributes like a convolution's (onednn/convolution.cpp); the padding below and to the right follows from the sizes.
Windows windowsOf(Call& call) {
  int64_t a[15];
  for (int i = 0; i < 15; i++) {
    a[i] = call.integer(i);
    require(a[i] >= (i < 13 ? 1 : 0) && a[i] <= INT32_MAX,
            "sizes, strides and dilations must be positive, padding not negative");
  }
  Windows w{a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], 0, 0};
  w.sourceSize = elementsOf({w.batch, w.height, w.width, w.channels});
  w.targetSize = elementsOf({w.batch, w.outHeight, w.outWidth, w.outChannels});
  return w;
}

// Output channel c * multiplier + m comes from channel c.
int64_t multiplierOf(const Windows& w) {
  require(w.outChannels % w.channels == 0, "the output's channels must be a multiple of the input's");
  return w.outChannels / w.channels;
}

// The output row or column whose window has its `tap`-th element at `position`; -1 if there is none.
COLDSTART_INLINE int64_t outputAt(int64_t position, int64_t tap, int64_t padding, int64_t dilation, int64_t stride,
                                  int64_t count) {
  const int64_t start = position + padding - tap * dilation;
  if (start < 0 || start % stride != 0) return -1;
  const int64_t at = start / stride;
  return at < count ? at : -1;
}

COLDSTART_INLINE void clear(float* line, int64_t count) {
  for (int64_t i = 0; i < count; i++) line[i] = 0.0f;
}

// x, filter [filterHeight, filterWidth, channels, multiplier] → y
void depthwise(Call& call) {
  const Windows w = windowsOf(call);
  const int64_t multiplier = multiplierOf(w);
  const float* x = call.floats(0, w.sourceSize).f32();
  const float* filter = call.floats(1, elementsOf({w.filterHeight, w.filterWidth, w.outChannels})).f32();
  float* y = call.floats(2, w.targetSize).f32();
  parallelRows(w.batch * w.outHeight, w.outWidth * w.outChannels * w.filterHeight * w.filterWidth, [=](int64_t line) {
    const int64_t image = line / w.outHeight;
    const int64_t top = line % w.outHeight * w.strideHeight - w.top;
    for (int64_t column = 0; column < w.outWidth; column++) {
      float* to = y + (line * w.outWidth + column) * w.outChannels;
      clear(to, w.outChannels);
      for (int64_t i = 0; i < w.filterHeight; i++) {
        const int64_t row = top + i * w.dilationHeight;
        if (row < 0 || row >= w.height) continue;
        for (int64_t j = 0; j < w.filterWidth; j++) {
          const int64_t at = column * w.strideWidth - w.left + j * w.dilationWidth;
          if (at < 0 || at >= w.width) continue;
          const float* from = x + ((image * w.height + row) * w.width + at) * w.channels;
          const float* weight = filter + (i * w.filterWidth + j) * w.outChannels;
          if (multiplier == 1) {
#pragma omp simd
            for (int64_t c = 0; c < w.channels; c++) to[c] += from[c] * weight[c];
          } else {
            for (int64_t c = 0; c < w.channels; c++) {
              for (int64_t m = 0; m < multiplier; m++) to[c * multiplier + m] += from[c] * weight[c * multiplier + m];
            }
          }
        }
      }
    }
  });
}

// dx: for every input pixel add(to, from, tap) takes in each output pixel `from` whose window has it as its `tap`-th
// element, and finish(to) ends the pixel.
template <typename Add, typename Finish>
void gatherWindows(const Windows& w, const float* dy, float* dx, Add add, Finish finish) {
  parallelRows(w.batch * w.height, w.width * w.outChannels * w.filterHeight * w.filterWidth, [=](int64_t line) {
    for (int64_t column = 0; column < w.width; column++) {
      float* to = dx + (line * w.width + column) * w.channels;
      clear(to, w.channels);
      for (int64_t i = 0; i < w.filterHeight; i++) {
        const int64_t row = outputAt(line % w.height, i, w.top, w.dilationHeight, w.strideHeight, w.outHeight);
        if (row < 0) continue;
        for (int64_t j = 0; j < w.filterWidth; j++) {
          const int64_t at = outputAt(column, j, w.left, w.dilationWidth, w.strideWidth, w.outWidth);
          if (at >= 0)
            add(to, dy + ((line / w.height * w.outHeight + row) * w.outWidth + at) * w.outChannels,
                i * w.filterWidth + j);
        }
      }
      finish(to);
    }
  });
}

// dy, filter → dx
void depthwiseInputGrad(Call& call) {
  const Windows w = windowsOf(call);
  const int64_t multiplier = multiplierOf(w);
  const float* dy = call.floats(0, w.targetSize).f32();
  const float* filter = call.floats(1, elementsOf({w.filterHeight, w.filterWidth, w.outChannels})).f32();
  float* dx = call.floats(2, w.sourceSize).f32();
  gatherWindows(
      w, dy, dx,
      [=](float* to, const float* from, int64_t tap) {
        const float* weight = filter + tap * w.outChannels;
        if (multiplier == 1) {
#pragma omp simd
          for (int64_t c = 0; c < w.channels; c++) to[c] += from[c] * weight[c];
        } else {
          for (int64_t c = 0; c < w.channels; c++) {
            for (int64_t m = 0; m < multiplier; m++) to[c] += from[c * multiplier + m] * weight[c * multiplier + m];
          }
        }
      },
      [](float*) {});
}

// x, dy → dFilter. A line of pixels is summed first and the lines after, so that long sums keep their precision.
void depthwiseFilterGrad(Call& call) {
  const Windows w = windowsOf(call);
  const int64_t multiplier = multiplierOf(w);
  const float* x = call.floats(0, w.sourceSize).f32();
  const float* dy = call.floats(1, w.targetSize).f32();
  const int64_t filterSize = elementsOf({w.filterHeight, w.filterWidth, w.outChannels});
  float* dFilter = call.floats(2, filterSize).f32();
  float* lineSums = call.scratchFloats(filterSize);
  parallelRows(w.filterHeight * w.filterWidth, w.targetSize, [=](int64_t tap) {
    float* total = dFilter + tap * w.outChannels;
    float* sums = lineSums + tap * w.outChannels;
    clear(total, w.outChannels);
    for (int64_t line = 0; line < w.batch * w.outHeight; line++) {
      const int64_t row = line % w.outHeight * w.strideHeight - w.top + tap / w.filterWidth * w.dilationHeight;
      if (row < 0 || row >= w.height) continue;
      clear(sums, w.outChannels);
      for (int64_t column = 0; column < w.outWidth; column++) {
        const int64_t at = column * w.strideWidth - w.left + tap % w.filterWidth * w.dilationWidth;
        if (at < 0 || at >= w.width) continue;
        const float* from = x + ((line / w.outHeight * w.height + row) * w.width + at) * w.channels;
        const float* gradient = dy + (line * w.outWidth + column) * w.outChannels;
        if (multiplier == 1) {
#pragma omp simd
          for (int64_t c = 0; c < w.channels; c++) sums[c] += from[c] * gradient[c];
        } else {
          for (int64_t c = 0; c < w.channels; c++) {
            for (int64_t m = 0; m < multiplier; m++) sums[c * multiplier + m] += from[c] * gradient[c * multiplier + m];
          }
        }
      }
      for (int64_t c = 0; c < w.outChannels; c++) total[c] += sums[c];
    }
  });
}

// dy → dx: each input gets a window's share, 1 / (filterHeight * filterWidth), from every window it is in.
void averagePoolingGrad(Call& call) {
  const Windows w = windowsOf(call);
  require(w.channels == w.outChannels, "pooling keeps the channels");
  const float* dy = call.floats(0, w.targetSize).f32();
  float* dx = call.floats(1, w.sourceSize).f32();
  const float share = 1.0f / static_cast<float>(w.filterHeight * w.filterWidth);
  gatherWindows(
      w, dy, dx,
      [=](float* to, const float* from, int64_t) {
#pragma omp simd
        for (int64_t c = 0; c < w.channels; c++) to[c] += from[c];
      },
      [=](float* to) {
        for (int64_t c = 0; c < w.channels; c++) to[c] *= share;
      });
}

// x → y, and of each output the flat position of the input it was taken from: the first of equals, and a NaN only where
// there is no number. Attribute 17: whether positions count from the start of the batch rather than of each image.
void maxPoolingPositions(Call& call) {
  const Windows w = windowsOf(call);
  require(w.channels == w.outChannels, "pooling keeps the channels");
  require(w.sourceSize <= INT32_MAX, "positions must fit in 32 bits");
  const bool inBatch = call.integer(17) != 0;
  const float* x = call.floats(0, w.sourceSize).f32();
  float* y = call.floats(1, w.targetSize).f32();
  int32_t* positions = call.ints(2, w.targetSize).i32();
  parallelRows(w.batch * w.outHeight, w.outWidth * w.channels * w.filterHeight * w.filterWidth, [=](int64_t line) {
    const int64_t image = line / w.outHeight * w.height * w.width * w.channels;
    const int64_t top = line % w.outHeight * w.strideHeight - w.top;
    for (int64_t column = 0; column < w.outWidth; column++) {
      const int64_t left = column * w.strideWidth - w.left;
      for (int64_t c = 0; c < w.channels; c++) {
        int64_t best = -1;
        for (int64_t i = 0; i < w.filterHeight; i++) {
          const int64_t row = top + i * w.dilationHeight;
          if (row < 0 || row >= w.height) continue;
          for (int64_t j = 0; j < w.filterWidth; j++) {
            const int64_t inside = left + j * w.dilationWidth;
            if (inside < 0 || inside >= w.width) continue;
            const int64_t at = image + (row * w.width + inside) * w.channels + c;
            if (best < 0 || x[at] > x[best] || (x[best] != x[best] && x[at] == x[at])) best = at;
          }
        }
        const int64_t to = (line * w.outWidth + column) * w.channels + c;
        y[to] = best < 0 ? -__builtin_inff() : x[best];
        positions[to] = static_cast<int32_t>(best < 0 ? -1 : inBatch ? best : best - image);
      }
    }
  });
}

}  // namespace

void registerWindows(KernelTable& table) {
  add(table, "Depthwise", depthwise);
  add(table, "DepthwiseInputGrad", depthwiseInputGrad);
  add(table, "DepthwiseFilterGrad", depthwiseFilterGrad);
  add(table, "AveragePoolingGrad", averagePoolingGrad);
  add(table, "MaxPoolingPositions", maxPoolingPositions);
}

COLDSTART_KERNELS_END
