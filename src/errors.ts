/**
 * Errors a user can act on. The command line prints `message` (one or two lines: what was found, what was expected,
 * where, what to do next) and exits with `exitCode`; a stack is shown only with `--verbose`.
 */
export class ColdstartError extends Error {
  /** Stable identifier for programs, e.g. `CHECKPOINT_CORRUPT`. */
  readonly code: string;
  /** Process exit status: 1 the work failed, 2 wrong usage or configuration. */
  readonly exitCode: 1 | 2;

  constructor(code: string, message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
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

/** A file or stream that is not what it should be: names the file and what was expected there. */
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
