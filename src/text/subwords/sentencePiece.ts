import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DataError } from '../../errors.js';
import { readFailure } from '../../storage/systemFailure.js';
import { refusePipe } from '../../storage/refusePipe.js';
import { CharsMap } from '../sentencepiece/charsMap.js';
import { createPieceDecoder, spaceMark } from './pieceDecoder.js';
import { parseSentencePieceModel, type SentencePieceInfo } from './sentencePieceModel.js';

const maxModelBytes = 256 * 2 ** 20;

/**
 * Segments text with a SentencePiece model, through sentencepiece-js in a separate thread.
 *
 * Source: Kudo and Richardson 2018 (D18-2012); output as spm_encode's with default options.
 */
export class SentencePiece {
  private readonly waiting = new Map<
    number,
    { resolve: (pieces: string[][]) => void; reject: (error: Error) => void }
  >();
  private nextId = 0;
  private failure: Error | null = null;
  /** The text of pieces, as spm_decode gives it: joined, then changed by the model's denormalisation rules. */
  readonly decode: (pieces: readonly string[]) => string;

  private constructor(
    path: string,
    private readonly worker: Worker,
    readonly info: SentencePieceInfo,
  ) {
    const join = createPieceDecoder(info);
    const rules = CharsMap.read(info.denormalizer, path);
    this.decode = (pieces) => rules.replace(join(pieces));
    worker.on('message', ({ id, pieces }: { id: number; pieces: string[][] }) => {
      this.waiting.get(id)?.resolve(pieces);
      this.waiting.delete(id);
      if (this.waiting.size === 0) worker.unref();
    });
    worker.on('error', (cause) =>
      this.fail(new DataError(`SentencePiece stopped on model ${path}: ${cause.message}.`, { cause })),
    );
    worker.on('exit', () => this.fail(new DataError(`SentencePiece with model ${path} has ended.`)));
    worker.unref(); // an open model must not keep the process alive
  }

  /**
   * Loads a model file and starts its thread; `close` ends it.
   *
   * @throws DataError if the file cannot be read or is not a SentencePiece model
   */
  static async open(path: string): Promise<SentencePiece> {
    const info = parseSentencePieceModel(readModel(path), path);
    const worker = new Worker(new URL('./sentencePieceWorker.js', import.meta.url), {
      workerData: { modelPath: resolve(path) },
      stdout: true, // the library's own messages must not mix with a user's output
      stderr: true,
    });
    await new Promise<void>((ready, reject) => {
      worker.once('message', () => ready());
      worker.once('error', (cause) =>
        reject(new DataError(`SentencePiece cannot load ${path}: ${cause.message}.`, { cause })),
      );
      worker.once('exit', () =>
        reject(new DataError(`SentencePiece cannot load ${path}: it gave up without a message.`)),
      );
    });
    return new SentencePiece(path, worker, info);
  }

  /** Pieces of each line. Characters the model does not know become pieces with their text. */
  encode(lines: readonly string[]): Promise<string[][]> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ id, lines });
    });
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}

/**
 * The text of pieces without their model (with it: `decode` of `SentencePiece`): pieces joined, space marks as spaces,
 * without the leading space.
 *
 * @param pieces bytes spelt as `<0x41>` (models with byte fallback) become characters again; invalid ones U+FFFD
 */
export function joinPieces(pieces: readonly string[]): string {
  let text = '';
  for (let i = 0; i < pieces.length; i++) {
    const bytes: number[] = [];
    for (let byte = byteOf(pieces[i]); byte !== null; byte = i < pieces.length ? byteOf(pieces[i]) : null) {
      bytes.push(byte);
      i++;
    }
    if (bytes.length > 0) text += Buffer.from(bytes).toString('utf8');
    if (i < pieces.length) text += pieces[i].replaceAll(spaceMark, ' ');
  }
  return text.startsWith(' ') ? text.slice(1) : text;
}

function byteOf(piece: string): number | null {
  return /^<0x[0-9A-F]{2}>$/.test(piece) ? Number(piece.slice(1, -1)) : null;
}

function readModel(path: string): Uint8Array {
  refusePipe(path, 'SentencePiece model'); // its thread reads it again
  try {
    const { size } = statSync(path);
    if (size > maxModelBytes)
      throw new DataError(
        `${path} has ${size} bytes; a SentencePiece model has at most ${maxModelBytes}. Is it the right file?`,
      );
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw readFailure(`SentencePiece model ${path}`, cause);
  }
}
