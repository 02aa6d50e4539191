import { ColdstartError } from '../errors.js';
import { systemFailure } from './systemFailure.js';

/**
 * What to throw when writing has failed: what the system says (disk full, no permission, and the like) as a ColdstartError with the
 * file's name, code WRITE_FAILED; anything else as it is.
 */
export function writeFailure(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error && 'syscall' in cause)) return cause;
  const known = systemFailure(Object.assign(cause, { syscall: 'write' }), path);
  const what = known?.message ?? `${path} cannot be written: ${cause.message.split(',')[0]}. Choose another place.`;
  return new ColdstartError('WRITE_FAILED', what, { cause });
}
