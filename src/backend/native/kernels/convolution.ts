import { backend_util, util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { KernelAttributes, NativeKernel, NativeKernels } from '../kernel.js';
import type { NativeBackend } from '../nativeBackend.js';
import { activate, hasActivation } from './activation.js';

type Shape4D = [number, number, number, number];

/** The sizes of a convolution or pooling as the addon reads them. */
function geometry(info: backend_util.Conv2DInfo): number[] {
  const { top, left } = info.padInfo;
  // the padding that the output needs after the input: rounding of the output size may need more or less than tfjs's
  // own figures
  const bottom = Math.max(
    0,
    (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight - info.inHeight - top,
  );
  const right = Math.max(0, (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth - info.inWidth - left);
  return [
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    top,
    left,
    bottom,
    right,
  ];
}

/** Sizes of a convolution over channels-last images; undefined if the cpu backend must compute it. */
function convolutionInfo(
  inputShape: number[],
  filterShape: number[],
  { strides, dilations, pad, dimRoundingMode, dataFormat }: KernelAttributes,
  depthwise = false,
): backend_util.Conv2DInfo | undefined {
  if (!depthwise && backend_util.convertConv2DDataFormat(dataFormat) !== 'channelsLast') return undefined;
  const info = backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    'channelsLast',
  );
  return util.sizeFromShape(info.outShape) === 0 || util.sizeFromShape(inputShape) === 0 ? undefined : info;
}

const areFloats = (...tensors: TensorInfo[]): boolean => tensors.every((tensor) => tensor.dtype === 'float32');

function pooling(kernel: string): NativeKernel {
  return (backend, { x }, attrs) => {
    const info = areFloats(x) ? poolingInfo(x, attrs) : undefined;
    if (info === undefined) return undefined;
    const sizes = geometry(info);
    // oneDNN treats a window wholly inside the padding as an error
    const [top, left, bottom, right] = sizes.slice(-4);
    if (Math.max(top, bottom) >= info.filterHeight || Math.max(left, right) >= info.filterWidth) return undefined;
    return backend.compute(kernel, [x], info.outShape, 'float32', sizes);
  };
}

/** Sizes of a pooling; undefined if there is nothing to compute. */
function poolingInfo(
  x: TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: KernelAttributes,
): backend_util.Conv2DInfo | undefined {
  const info = backend_util.computePool2DInfo(x.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
  return util.sizeFromShape(info.outShape) === 0 || util.sizeFromShape(x.shape) === 0 ? undefined : info;
}

/** The result of a max pool, and the position of the input that each element was taken from. */
function maxPositions(
  backend: NativeBackend,
  x: TensorInfo,
  info: backend_util.Conv2DInfo,
  inBatch: boolean,
): [TensorInfo, TensorInfo] {
  const pooled = backend.output(info.outShape, 'float32');
  const positions = backend.output(info.outShape, 'int32');
  backend.run('MaxPoolingPositions', [x, pooled, positions], [...geometry(info), inBatch ? 1 : 0]);
  return [pooled, positions];
}

/** One step of a composed kernel: runs it and releases its inputs. */
function consume(
  backend: NativeBackend,
  kernel: string,
  inputs: TensorInfo[],
  shape: readonly number[],
  temporary: readonly TensorInfo[],
): TensorInfo {
  const out = backend.compute(kernel, inputs, shape, 'float32');
  for (const tensor of temporary) backend.disposeData(tensor.dataId);
  return out;
}

/** A convolution with a bias and an activation after it; the cpu backend computes the rarer activations. */
function fused(kernel: 'Conv2D' | 'DepthwiseConv2dNative'): NativeKernel {
  return (backend, { x, filter, bias }, attrs) => {
    const { activation } = attrs as { activation: string };
    if (!hasActivation(activation) || (bias != null && !areFloats(bias))) return undefined;
    let y = convolutionKernels[kernel](backend, { x, filter }, attrs) as TensorInfo | undefined;
    if (y === undefined) return undefined;
    if (bias != null) y = consume(backend, 'Add', [y, bias], y.shape, [y]);
    return activate(backend, y, activation);
  };
}

/** Convolution, pooling and batch normalisation of images. */
export const convolutionKernels: NativeKernels = {
  Conv2D: (backend, { x, filter }, attrs) => {
    const info = areFloats(x, filter) ? convolutionInfo(x.shape, filter.shape, attrs) : undefined;
    return info && backend.compute('Convolution', [x, filter], info.outShape, 'float32', geometry(info));
  },
  Conv2DBackpropInput: (backend, { dy, filter }, attrs) => {
    const info = areFloats(dy, filter) ? convolutionInfo(attrs['inputShape'], filter.shape, attrs) : undefined;
    // conv2dTranspose may request an input size from which dy's size does not follow
    if (info !== undefined && util.sizeFromShape(info.outShape) !== util.sizeFromShape(dy.shape)) return undefined;
    return info && backend.compute('ConvolutionInputGrad', [dy, filter], info.inShape, 'float32', geometry(info));
  },
  Conv2DBackpropFilter: (backend, { x, dy }, attrs) => {
    const info = areFloats(x, dy) ? convolutionInfo(x.shape, attrs['filterShape'], attrs) : undefined;
    return info && backend.compute('ConvolutionFilterGrad', [x, dy], info.filterShape, 'float32', geometry(info));
  },
  DepthwiseConv2dNative: (backend, { x, filter }, attrs) => {
    const info = areFloats(x, filter) ? convolutionInfo(x.shape, filter.shape, attrs, true) : undefined;
    return info && backend.compute('Depthwise', [x, filter], info.outShape, 'float32', geometry(info));
  },
  DepthwiseConv2dNativeBackpropInput: (backend, { dy, filter }, attrs) => {
    const info = areFloats(dy, filter) ? convolutionInfo(attrs['inputShape'], filter.shape, attrs, true) : undefined;
    return info && backend.compute('DepthwiseInputGrad', [dy, filter], info.inShape, 'float32', geometry(info));
  },
  DepthwiseConv2dNativeBackpropFilter: (backend, { x, dy }, attrs) => {
    const info = areFloats(x, dy) ? convolutionInfo(x.shape, attrs['filterShape'], attrs, true) : undefined;
    return info && backend.compute('DepthwiseFilterGrad', [x, dy], info.filterShape, 'float32', geometry(info));
  },
  FusedConv2D: fused('Conv2D'),
  FusedDepthwiseConv2D: fused('DepthwiseConv2dNative'),
  MaxPool: pooling('MaxPooling'),
  AvgPool: pooling('AveragePooling'),
  AvgPoolGrad: (backend, { dy, input }, attrs) => {
    const info = areFloats(dy, input) ? poolingInfo(input, attrs) : undefined;
    return info && backend.compute('AveragePoolingGrad', [dy], info.inShape, 'float32', geometry(info));
  },
  MaxPoolWithArgmax: (backend, { x }, attrs) => {
    const info = areFloats(x) ? poolingInfo(x, attrs) : undefined;
    return info && maxPositions(backend, x, info, attrs['includeBatchInIndex']);
  },
  MaxPoolGrad: (backend, { dy, input }, attrs) => {
    const info = areFloats(dy, input) ? poolingInfo(input, attrs) : undefined;
    if (info === undefined) return undefined;
    const [pooled, positions] = maxPositions(backend, input, info, true);
    const dx = backend.compute('SegmentSum', [dy, positions], info.inShape, 'float32', [1]);
    for (const tensor of [pooled, positions]) backend.disposeData(tensor.dataId);
    return dx;
  },
  // (x - mean) * (scale / sqrt(variance + epsilon)) + offset
  FusedBatchNorm: (backend, { x, scale, offset, mean, variance }, { varianceEpsilon }) => {
    const present = [x, scale, offset, mean, variance].filter((tensor) => tensor != null);
    if (!areFloats(...present) || mean.shape.length > 1) return undefined;
    const epsilon = backend.compute('Fill', [], [], 'float32', [varianceEpsilon]);
    const shifted = consume(backend, 'Add', [variance, epsilon], variance.shape, [epsilon]);
    let factor = consume(backend, 'Rsqrt', [shifted], variance.shape, [shifted]);
    if (scale != null) factor = consume(backend, 'Multiply', [factor, scale], variance.shape, [factor]);
    const centred = backend.compute('Sub', [x, mean], x.shape, 'float32');
    const scaled = consume(backend, 'Multiply', [centred, factor], x.shape, [centred, factor]);
    return offset == null ? scaled : consume(backend, 'Add', [scaled, offset], x.shape, [scaled]);
  },
};
