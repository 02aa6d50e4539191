import {
  AvgPool,
  AvgPoolGrad,
  Conv2D,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  DepthwiseConv2dNative,
  DepthwiseConv2dNativeBackpropFilter,
  DepthwiseConv2dNativeBackpropInput,
  FusedBatchNorm,
  MaxPool,
  MaxPoolWithArgmax,
  ResizeBilinear,
  ResizeBilinearGrad,
  ResizeNearestNeighbor,
  ResizeNearestNeighborGrad,
  add,
  backend_util,
  div,
  engine,
  getKernel,
  mul,
  neg,
  reshape,
  rsqrt,
  sub,
  unsortedSegmentSum,
  zeros,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { ShapeError } from '../../../errors.js';
import { withoutGradient } from '../withoutGradient.js';
import { registerExact, sumToShape, type Attrs } from './register.js';

/* Gradients for convolutional networks. A convolution and its two gradients are linear in each of their two inputs, and the
gradient of each of the three consists of the other two. */

function run(kernelName: string, inputs: NamedTensorMap, attrs: Attrs): Tensor {
  return engine().runKernel(kernelName, inputs, attrs as unknown as NamedAttrMap) as Tensor;
}

function registerConvolution(forward: string, backpropInput: string, backpropFilter: string): void {
  const convolve = (x: Tensor, filter: Tensor, attrs: Attrs): Tensor => run(forward, { x, filter }, attrs);
  const toInput = (dy: Tensor, filter: Tensor, inputShape: number[], attrs: Attrs): Tensor =>
    run(backpropInput, { dy, filter }, { ...attrs, inputShape });
  const toFilter = (x: Tensor, dy: Tensor, filterShape: number[], attrs: Attrs): Tensor =>
    run(backpropFilter, { x, dy }, { ...attrs, filterShape });
  registerExact({
    kernelName: forward,
    inputsToSave: ['x', 'filter'],
    gradFunc: (dyAny, [x, filter], attrsAny) => {
      const dy = dyAny as Tensor;
      const attrs = plainAttrs(forward, attrsAny as Attrs);
      return { x: () => toInput(dy, filter, x.shape, attrs), filter: () => toFilter(x, dy, filter.shape, attrs) };
    },
  });
  registerExact({
    kernelName: backpropInput,
    inputsToSave: ['dy', 'filter'],
    gradFunc: (ddxAny, [dy, filter], attrsAny) => {
      const ddx = ddxAny as Tensor;
      const attrs = plainAttrs(backpropInput, attrsAny as Attrs);
      return { dy: () => convolve(ddx, filter, attrs), filter: () => toFilter(ddx, dy, filter.shape, attrs) };
    },
  });
  registerExact({
    kernelName: backpropFilter,
    inputsToSave: ['x', 'dy'],
    gradFunc: (ddwAny, [x, dy], attrsAny) => {
      const ddw = ddwAny as Tensor;
      const attrs = plainAttrs(backpropFilter, attrsAny as Attrs);
      return { x: () => toInput(dy, ddw, x.shape, attrs), dy: () => convolve(x, ddw, attrs) };
    },
  });
}

/** The attributes that all three kernels read. */
function plainAttrs(kernelName: string, { strides, pad, dataFormat, dimRoundingMode, dilations }: Attrs): Attrs {
  const dilated = ([dilations ?? 1].flat() as number[]).some((rate) => rate !== 1);
  if (dilated)
    throw new ShapeError(
      `the gradient of ${kernelName} needs dilations of 1, found ${String(dilations)}: tfjs has no kernels for others.`,
    );
  return { strides, pad, dataFormat: dataFormat ?? 'NHWC', dimRoundingMode, dilations: [1, 1] };
}

registerConvolution(Conv2D, Conv2DBackpropInput, Conv2DBackpropFilter);
registerConvolution(DepthwiseConv2dNative, DepthwiseConv2dNativeBackpropInput, DepthwiseConv2dNativeBackpropFilter);

/** A kernel that is linear in one input, and its gradient kernel, whose gradient is the kernel itself. */
function registerLinearPair(forward: string, input: string, gradient: string, gradientInput: string): void {
  registerExact({
    kernelName: forward,
    inputsToSave: [input],
    gradFunc: (dy, [x], attrs) => ({
      [input]: () => run(gradient, { dy: dy as Tensor, [gradientInput]: x }, attrs as Attrs),
    }),
  });
  registerExact({
    kernelName: gradient,
    inputsToSave: [gradientInput],
    gradFunc: (ddx, [x], attrs) => ({
      dy: () => run(forward, { [input]: ddx as Tensor }, attrs as Attrs),
      [gradientInput]: () => zeros(x.shape),
    }),
  });
}

registerLinearPair(ResizeBilinear, 'images', ResizeBilinearGrad, 'images');
registerLinearPair(ResizeNearestNeighbor, 'images', ResizeNearestNeighborGrad, 'images');

// AvgPool divides by the number of inputs in each window, tfjs's AvgPoolGrad by the window's size: they differ at
// padded borders.
registerExact({
  kernelName: AvgPool,
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => ({
    x: () =>
      run(AvgPoolGrad, { dy: div(dy as Tensor, windowFill(x as Tensor4D, attrs as Attrs)), input: x }, attrs as Attrs),
  }),
});
registerExact({
  kernelName: AvgPoolGrad,
  inputsToSave: ['input'],
  gradFunc: (ddx, [input], attrs) => ({
    dy: () => mul(run(AvgPool, { x: ddx as Tensor }, attrs as Attrs), windowFill(input as Tensor4D, attrs as Attrs)),
    input: () => zeros(input.shape),
  }),
});

function poolInfo(x: Tensor4D, { filterSize, strides, pad, dimRoundingMode }: Attrs): backend_util.Conv2DInfo {
  return backend_util.computePool2DInfo(
    x.shape,
    filterSize as number,
    strides as number,
    1,
    pad as 'same',
    dimRoundingMode as 'floor',
  );
}

/** Which part of each pooling window lies inside the image, as a constant [1, outHeight, outWidth, 1]. */
function windowFill(x: Tensor4D, attrs: Attrs): Tensor {
  const { outHeight, outWidth, inHeight, inWidth, filterHeight, filterWidth, strideHeight, strideWidth, padInfo } =
    poolInfo(x, attrs);
  const inside = (start: number, length: number, end: number): number =>
    Math.min(end, start + length) - Math.max(0, start);
  const fill = Float32Array.from({ length: outHeight * outWidth }, (_, i) => {
    const rows = inside(Math.floor(i / outWidth) * strideHeight - padInfo.top, filterHeight, inHeight);
    const columns = inside((i % outWidth) * strideWidth - padInfo.left, filterWidth, inWidth);
    return (rows * columns) / (filterHeight * filterWidth);
  });
  return engine().makeTensor(fill, [1, outHeight, outWidth, 1], 'float32');
}

registerExact({
  kernelName: MaxPool,
  inputsToSave: ['x'],
  gradFunc: (dyAny, [x], attrs) => ({
    x: () => {
      const dy = dyAny as Tensor;
      const winners = reshape(maxPoolWinners(x as Tensor4D, attrs as Attrs), [dy.size]) as Tensor1D;
      return reshape(unsortedSegmentSum(reshape(dy, [dy.size]), winners, x.size), x.shape);
    },
  }),
});

/** For each output of a max pool, the flat position of the input it was taken from: the first of equals. */
function maxPoolWinners(x: Tensor4D, attrs: Attrs): Tensor {
  // tfjs's kernel for it does not support rounding of sizes
  if (getKernel(MaxPoolWithArgmax, engine().backendName) != null && attrs.dimRoundingMode == null) {
    const { filterSize, strides, pad } = attrs;
    const [pooled, winners] = withoutGradient(
      () =>
        engine().runKernel(MaxPoolWithArgmax, { x }, {
          filterSize,
          strides,
          pad,
          includeBatchInIndex: true,
        } as unknown as NamedAttrMap) as unknown as Tensor[],
    );
    pooled.dispose();
    return winners;
  }
  const info = poolInfo(x, attrs);
  const values = x.dataSync();
  const { batchSize, outHeight, outWidth, inHeight, inWidth, inChannels: channels } = info;
  const winners = new Int32Array(batchSize * outHeight * outWidth * channels);
  let output = 0;
  for (let n = 0; n < batchSize; n++) {
    for (let row = 0; row < outHeight; row++) {
      const top = row * info.strideHeight - info.padInfo.top;
      for (let column = 0; column < outWidth; column++) {
        const left = column * info.strideWidth - info.padInfo.left;
        for (let c = 0; c < channels; c++) {
          let best = -1;
          for (let i = Math.max(0, top); i < Math.min(inHeight, top + info.filterHeight); i++) {
            for (let j = Math.max(0, left); j < Math.min(inWidth, left + info.filterWidth); j++) {
              const at = ((n * inHeight + i) * inWidth + j) * channels + c;
              if (best < 0 || values[at] > values[best]) best = at;
            }
          }
          winners[output++] = best;
        }
      }
    }
  }
  return engine().makeTensor(winners, [winners.length], 'int32');
}

registerExact({
  kernelName: FusedBatchNorm,
  inputsToSave: ['x', 'mean', 'variance', 'scale'],
  gradFunc: (dyAny, [x, mean, variance, scale], attrs) => {
    const dy = dyAny as Tensor;
    const inverseDeviation = rsqrt(add(variance, (attrs as Attrs).varianceEpsilon as number));
    const centred = sub(x, mean);
    const scaled = mul(dy, scale);
    return {
      x: () => mul(scaled, inverseDeviation),
      mean: () => sumToShape(neg(mul(scaled, inverseDeviation)), mean.shape),
      variance: () =>
        sumToShape(
          mul(mul(scaled, centred), mul(mul(inverseDeviation, mul(inverseDeviation, inverseDeviation)), -0.5)),
          variance.shape,
        ),
      scale: () => sumToShape(mul(dy, mul(centred, inverseDeviation)), scale.shape),
      offset: () => sumToShape(dy, mean.shape),
    };
  },
});
