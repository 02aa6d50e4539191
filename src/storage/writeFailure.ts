import { ColdstartError } from '../errors.js';
import { systemFailure } from './systemFailure.js';

/**
 * The error to throw when writing has failed: a system error (disk full, no permission, ...) as a ColdstartError with
 * the file's name, code WRITE_FAILED; any other error unchanged.
 */
export function writeFailure(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error && 'syscall' in cause)) return cause;
  const known = systemFailure(Object.assign(cause, { syscall: 'write' }), path);
  const what = known?.message ?? `${path} cannot be written: ${cause.message.split(',')[0]}. Choose another place.`;
  return new ColdstartError('WRITE_FAILED', what, { cause });
}
