import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { ModelConfig } from '../model/config.js';

/** A model that is ready to compute. */
export interface LoadedModel {
  readonly params: Params;
  readonly config: ModelConfig;
}
