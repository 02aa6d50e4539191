import type { BackendName } from '../backend/backendNames.js';
import { checkPrecision } from '../backend/precision.js';
import { selectBackend } from '../backend/select.js';
import type { Config } from '../config/schema.js';
import { trainOptions } from '../config/trainOptions.js';

/**
 * Makes the backend that a configuration trains on the current one.
 * @throws UsageError if it lacks the precision; otherwise as `selectBackend`
 */
export async function openTrainingBackend(config: Config): Promise<BackendName> {
  const { precision } = trainOptions(config);
  const name = await selectBackend(config.backend, precision);
  checkPrecision(precision);
  return name;
}
