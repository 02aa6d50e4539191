import type { Params } from '../backend/params.js';
import type { Config } from '../config/schema.js';
import type { PreparedCorpus } from '../data/preparedCorpus.js';
import { ColdstartError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import type { StageProgress } from './runEvents.js';

export interface InitialParams {
  readonly params: Params;
  /** What GradInit or MetaInit did; absent if the parameters are as drawn. */
  readonly report?: { readonly seconds: number };
}

/** Parameters to train from: drawn, and learned if the configuration says so. The caller disposes them. */
export async function initialParams(
  config: Config, model: ModelConfig, _corpus: PreparedCorpus,
  _control: { readonly signal?: AbortSignal; readonly onProgress?: (progress: Omit<StageProgress, 'event'>) => void } = {},
): Promise<InitialParams> {
  if (config.gradinit.algorithm !== 'none' || config.metainit.iterations > 0) throw new ColdstartError('GRADINIT', 'GradInit is not part of this version yet.');
  return { params: initParams(model, { method: config.init.method, seed: config.seed }) };
}
