import type { Params } from '../backend/params.js';
import { batchRow } from '../data/batch.js';
import type { EpochBatches } from '../data/batches.js';
import type { ModelConfig } from '../model/config.js';
import type { TrainOptions } from '../train/trainOptions.js';
import { formatCount, formatNumber } from './format.js';
import { plannedUpdates } from './trainProgress.js';

/** What a run starts from: shown on the terminal, and the first line of log.jsonl. */
export interface RunSummary {
  readonly backend: string;
  readonly parameters: number;
  readonly parameterTensors: number;
  readonly model: ModelConfig;
  readonly options: TrainOptions;
  readonly batchesPerEpoch: number;
  readonly updatesPerEpoch: number;
  readonly plannedUpdates: number | undefined;
  /** The first pair of the first batch, as the model gets it. */
  readonly firstExample: { readonly srcIds: number[]; readonly trgIds: number[]; readonly srcTokens?: string[]; readonly trgTokens?: string[] };
}

export interface RunSummaryTask {
  readonly backend: string;
  readonly config: ModelConfig;
  readonly params: Params;
  readonly options: TrainOptions;
  /** The first epoch. */
  readonly epochBatches: EpochBatches;
  /** Tokens by id, so that the first example can be read. */
  readonly srcTokenOf?: (id: number) => string;
  readonly trgTokenOf?: (id: number) => string;
}

/** Gathers what is worth seeing before hours of training: a wrong vocabulary or size shows here. */
export function summarizeRun({ backend, config, params, options, epochBatches, srcTokenOf, trgTokenOf }: RunSummaryTask): RunSummary {
  const { src, trg } = batchRow(epochBatches.batch(0), 0);
  return {
    backend, model: config, options,
    parameters: [...params.values()].reduce((total, { size }) => total + size, 0),
    parameterTensors: params.size,
    batchesPerEpoch: epochBatches.length,
    updatesPerEpoch: Math.ceil(epochBatches.length / options.updateFreq),
    plannedUpdates: plannedUpdates(options, epochBatches.length),
    firstExample: {
      srcIds: [...src], trgIds: [...trg],
      ...(srcTokenOf && { srcTokens: Array.from(src, srcTokenOf) }), ...(trgTokenOf && { trgTokens: Array.from(trg, trgTokenOf) }),
    },
  };
}

/** The summary as lines for people. */
export function describeRun({ backend, parameters, parameterTensors, model, options, batchesPerEpoch, updatesPerEpoch, plannedUpdates: planned, firstExample }: RunSummary): string[] {
  const sharing = { tied: 'one embedding matrix for all', 'decoder-tied': 'decoder embedding is the output matrix', none: 'separate embeddings' }[model.sharing];
  const { srcIds, trgIds, srcTokens, trgTokens } = firstExample;
  return [
    `model       ${model.numEncoderLayers}+${model.numDecoderLayers} layers, dModel ${model.dModel}, dFf ${model.dFf}, ${model.numHeads} heads, ${sharing}, ` +
      `vocabularies ${formatCount(model.srcVocabSize)} and ${formatCount(model.trgVocabSize)}`,
    `dropout     ${model.dropout} (attention ${model.attentionDropout}, ReLU ${model.reluDropout})`,
    `parameters  ${formatCount(parameters)} in ${parameterTensors} tensors`,
    `backend     ${backend}`,
    `optimiser   ${describeOptimizer(options)}`,
    `schedule    ${options.schedule}, lr ${formatNumber(options.lr)}, ${options.warmupUpdates === 0 ? 'no warmup' : `warmup ${formatCount(options.warmupUpdates)} updates`}`,
    `data        ${formatCount(batchesPerEpoch)} batches, ${formatCount(updatesPerEpoch)} updates per epoch, ${planned === undefined ? 'until patience ends' : `${formatCount(planned)} updates in all`}, seed ${options.seed}`,
    `first src   ${srcTokens ? `${srcTokens.join(' ')}   ` : ''}[${srcIds.join(' ')}]`,
    `first trg   ${trgTokens ? `${trgTokens.join(' ')}   ` : ''}[${trgIds.join(' ')}]`,
  ];
}

function describeOptimizer(options: TrainOptions): string {
  const parts = options.optimizer === 'adam'
    ? [`adam, betas ${options.beta1} and ${options.beta2}`]
    : [`sgd${options.momentum > 0 ? `, ${options.nesterov ? 'Nesterov ' : ''}momentum ${options.momentum}` : ''}`];
  if (options.weightDecay > 0) parts.push(`weight decay ${formatNumber(options.weightDecay)}`);
  parts.push(options.clipNorm > 0 ? `gradients clipped at ${formatNumber(options.clipNorm)}` : 'no clipping', `label smoothing ${options.labelSmoothing}`);
  if (options.updateFreq > 1) parts.push(`${options.updateFreq} batches per update`);
  return parts.join(', ');
}
