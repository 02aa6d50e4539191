import { ColdstartError } from '../errors.js';

/** What the user can do, by the error's code; other errors are of the place. */
const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room on the disk, or choose another place.',
  EDQUOT: 'Make room on the disk, or choose another place.',
  EFBIG: 'The file would be larger than is allowed there.',
  ENAMETOOLONG: 'Choose a shorter name.',
};

/**
 * What to throw when writing has failed: what the system says (disk full, no permission, and the like) as a ColdstartError with the
 * file's name, code WRITE_FAILED; anything else as it is.
 */
export function writeFailure(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error && 'syscall' in cause)) return cause;
  const what = cause.message.split(',')[0]; // what follows names the temporary file
  return new ColdstartError(
    'WRITE_FAILED',
    `${path} cannot be written: ${what}. ${advice[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'Choose another place.'}`,
    { cause },
  );
}
