/** Every error code with its meaning. `docs/reference/errors.md` is generated from it. */
export const errorCodes = {
  USAGE: 'A command line, a configuration or an argument cannot be used. The only code with exit status 2.',
  DATA: 'A file or stream is not what it should be.',
  SHAPE: 'Tensors have shapes that do not fit together.',
  SYSTEM: 'The operating system refused something: memory, open files, permissions, a missing file.',
  WRITE_FAILED: 'A file or folder cannot be written: the disk is full, or the place may not be written to.',
  FILE_EXISTS: 'A file or folder is there already and would be overwritten.',
  FOLDER_BUSY: 'Another process works in the folder.',
  BUSY: 'Another process downloads the same file.',
  DOWNLOAD_FAILED: 'A file could not be downloaded from any of its addresses.',
  VERIFY_FAILED: 'Files of a fetched corpus are not what was fetched.',
  CORPUS_CHANGED: 'The folder holds a corpus made from other inputs or settings.',
  WORKER_ENDED: 'A thread of "corpus prepare" ended before its work was done.',
  RUN_EXISTS: 'The folder holds a run that is not complete, or something else.',
  RUN_DIFFERS: 'The folder holds a run with other settings or another corpus.',
  RUN_FAILED: 'Runs of an ablation failed.',
  LEARNING_DIFFERS: 'The folder holds iterations of GradInit or MetaInit with other settings.',
  PROCESSES_DIFFER: 'Processes that train one model do not agree on what they train.',
  CHECKPOINT: 'A checkpoint is damaged, or belongs to another run.',
  OPTIMIZER_STATE: "An optimiser's state lacks a tensor.",
  DIVERGED: 'The loss, a gradient or a parameter is not finite any more.',
  NOT_FINITE: 'Scores in decoding are not finite.',
  GRADINIT: 'A loss, a gradient norm or a scale of GradInit is not finite.',
  METAINIT: 'A loss or a norm of MetaInit is not finite.',
  NOT_TWICE_DIFFERENTIABLE: 'An operation has no exact gradient of its gradient.',
  NO_BACKEND: 'No backend passed its check.',
  NATIVE_BUILD: 'The native engine cannot be built: a compiler or oneDNN is missing or does not fit.',
  BACKEND_MISSING: 'A backend is not installed or not built.',
  BACKEND_LOAD: 'A backend is installed and does not load.',
  BACKEND_INIT: 'tfjs cannot initialise a backend.',
  BACKEND_WRONG: 'A backend gives wrong results.',
  NATIVE_LOAD: 'The native addon does not load.',
  NATIVE_VERSION: 'The native addon was built from other sources.',
  NATIVE_KERNEL: 'A kernel of the native backend failed.',
  GPU_FAILED: 'The GPU reported a fault or does not answer any more.',
  WASM_KERNELS: 'The compiled WebAssembly kernels do not load.',
  WASM_MEMORY: 'The memory of the tfjs wasm backend was not found.',
  OUT_OF_MEMORY: 'WebAssembly or the GPU has no memory left.',
  TOO_LARGE: 'A run needs more memory than is available.',
  LEAK: 'A benchmark left tensors behind.',
  SERVICE: 'The process of a service that translates ended before it was ready.',
  PORT: 'The port of a server is taken or may not be used.',
} as const;

/** A code in `errorCodes`, e.g. DATA or RUN_FAILED. */
export type ErrorCode = keyof typeof errorCodes;

/** docs/reference/errors.md: every code with its meaning. */
export function errorReference(): string {
  return `${[
    '# Error codes',
    '',
    'Made from `src/errors.ts` by `npm run docs`; a test checks that it is current, and that each code is thrown.',
    '',
    'An error that a user can act on is a `ColdstartError`:',
    '',
    '- `message` says what was found, what was expected, where, and what to do next',
    '- `code` is for programs and stays the same; the command line prints it in brackets after the message',
    '- `exitCode` is the exit status of the command line, 1 or 2',
    '',
    '| code | what happened |',
    '| --- | --- |',
    ...Object.entries(errorCodes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`),
  ].join('\n')}\n`;
}

/**
 * Errors a user can act on. The command line prints `message` (one or two lines: what was found, what was expected,
 * where, what to do next) and `code`, and exits with `exitCode`; a stack is shown only with `--verbose`.
 */
export class ColdstartError extends Error {
  /** Stable identifier for programs. */
  readonly code: ErrorCode;
  /** Process exit status: 1 the work failed, 2 wrong usage or configuration. */
  readonly exitCode: 1 | 2;

  constructor(code: ErrorCode, message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Wrong command line or configuration: exit status 2. */
export class UsageError extends ColdstartError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('USAGE', message, { exitCode: 2, cause: options.cause });
  }
}

/** A file or stream with unexpected contents: names the file and what was expected. */
export class DataError extends ColdstartError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('DATA', message, { cause: options.cause });
  }
}

/** Tensor shapes that do not fit together: names the operation, the shapes found and the shapes expected. */
export class ShapeError extends ColdstartError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('SHAPE', message, { cause: options.cause });
  }
}
