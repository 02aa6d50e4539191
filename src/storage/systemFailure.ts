import { ColdstartError, DataError } from '../errors.js';

const noRoom = ['no room is left there', 'Make room on the disk, or choose another place.'] as const;
const tooMany = [
  'too many files are open',
  'Close other programs, or raise the limit ("ulimit -n"), and run the command again.',
] as const;
const noMemory = [
  'there is not enough memory',
  'Use smaller batches (train.maxTokens, gradinit.maxTokens), a smaller model, or fewer runs at once (ablation.parallel).',
] as const;

/** The failure and the user's remedy, by the error code of the system or Node.js. */
const failures: Readonly<Record<string, readonly [what: string, advice: string]>> = {
  ENOSPC: noRoom,
  EDQUOT: ['the quota of this user is used up', 'Make room, or choose another place.'],
  EFBIG: ['the file would be larger than is allowed there', 'Choose another place.'],
  EACCES: ['permission denied', 'Change the permissions, or choose another place.'],
  EPERM: ['permission denied', 'Change the permissions, or choose another place.'],
  EROFS: ['the file system is read-only', 'Choose another place.'],
  EMFILE: tooMany,
  ENFILE: tooMany,
  EIO: ['the device reports an error', 'Check the disk, or choose another place.'],
  EISDIR: ['it is a folder, a file was expected', 'Name a file.'],
  ENOTDIR: ['a part of the path is a file, a folder was expected', 'Name another path, or remove the file.'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter name.'],
  EEXIST: ['it exists already', 'Choose another name, or remove it.'],
  ENOENT: ['it does not exist', 'Check the name; another program may have removed it.'],
  ENOTEMPTY: ['the folder is not empty', 'Another program may be writing there; empty it, or choose another folder.'],
  EBUSY: ['another program uses it', 'Close that program, and run the command again.'],
  ETXTBSY: ['another program uses it', 'Close that program, and run the command again.'],
  ELOOP: ['it is a link that leads back to itself', 'Remove the link.'],
  EXDEV: ['it is on another disk', 'Choose a place on the same disk.'],
  ESTALE: ['the network file system has lost it', 'Mount it again, and run the command again.'],
  EPIPE: ['the program that reads it has ended', 'Run the command again, and read its whole output.'],
  EAGAIN: ['the system has no resources left', 'Close other programs, and run the command again.'],
  ENOMEM: noMemory,
  ERR_MEMORY_ALLOCATION_FAILED: noMemory,
  ERR_WORKER_OUT_OF_MEMORY: noMemory,
  ERR_OUT_OF_MEMORY: noMemory,
  ERR_FS_FILE_TOO_LARGE: ['the file is too large to be read at once', 'Is it the right file?'],
  ERR_STRING_TOO_LONG: ['the text is too long to be read at once', 'Is it the right file?'],
};

const memoryMessages =
  /allocation failed|bad_alloc|out of memory|could not allocate|cannot allocate memory|invalid (typed )?array (buffer )?length|invalid string length/i;

/**
 * A system error (a full disk, permissions, open files, memory) as an error with a sentence for the user: the file, the
 * fault, what to do; code SYSTEM. Undefined for anything else, which is a defect of the program. Also searches the
 * causes of an error.
 *
 * @param path of the file where the error itself does not know it: writing to an open file fails without its name
 */
export function systemFailure(error: unknown, path?: string): ColdstartError | undefined {
  if (error instanceof ColdstartError) return error;
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    const { path: own, dest, syscall } = cause as NodeJS.ErrnoException & { dest?: string };
    const found = reasonOf(cause);
    if (found === undefined) continue;
    const file = path ?? (isReplacing(syscall) ? dest : undefined) ?? own;
    const subject = file === undefined ? '' : `${file} cannot be ${verb(syscall)}: `;
    return new ColdstartError('SYSTEM', `${subject}${found.what}. ${found.advice}`, { cause: error });
  }
  return undefined;
}

/**
 * What to throw when reading has failed: the file and what the system says in words, or the message where it is
 * nobody's but the file's (a damaged gzip file, say). Errors of ours stay as they are.
 *
 * @param subject the file, with its description
 * @param missing what to do if the file is missing: a sentence
 */
export function readFailure(subject: string, cause: unknown, missing?: string): ColdstartError {
  if (cause instanceof ColdstartError) return cause;
  const found = reasonOf(cause as Error);
  const advice = found && (found.isMissing ? (missing ?? found.advice) : found.advice);
  const what = found ? `${found.what}. ${advice}` : `${(cause as Error).message}.`;
  const as = (cause as NodeJS.ErrnoException).code?.startsWith('Z_') ? ' as gzip' : '';
  return new DataError(`${subject} cannot be read${as}: ${what}`, { cause });
}

function reasonOf(error: Error): { what: string; advice: string; isMissing: boolean } | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && Object.hasOwn(failures, code)) {
    const [what, advice] = failures[code];
    return { what: `${what} (${code})`, advice, isMissing: code === 'ENOENT' };
  }
  if (!((error instanceof RangeError || error.constructor === Error) && memoryMessages.test(error.message)))
    return undefined;
  // how much was asked for, where the message says it
  const [firstSentence] = error.message.split('. ', 1);
  return { what: `${noMemory[0]} (${firstSentence})`, advice: noMemory[1], isMissing: false };
}

const isReplacing = (syscall?: string): boolean => syscall === 'rename' || syscall === 'link' || syscall === 'copyfile';

function verb(syscall = ''): string {
  if (/^(read|scandir|stat|lstat|fstat|readlink|realpath)/.test(syscall)) return 'read';
  if (/^(unlink|rm|rmdir)/.test(syscall)) return 'removed';
  if (syscall.startsWith('spawn')) return 'started';
  if (/^(open|opendir)/.test(syscall)) return 'opened';
  return 'written';
}
