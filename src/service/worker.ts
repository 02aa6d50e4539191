import { getBackend } from '@tensorflow/tfjs-core';
import { ColdstartError } from '../errors.js';
import { defaultMaxSourceTokens } from '../translator/limits.js';
import { Translator, type TranslatedSource, type Translation } from '../translator/translator.js';
import { Batcher } from './batcher.js';
import type { FromWorker, LineResult, ToWorker, WorkerJob, WorkerReady, WorkerSetup } from './workerMessages.js';

/*
 * The process of a service that translates. A step of the search blocks its event loop, and a defect of the native
 * engine may end it; neither may affect the process that answers requests.
 */

// Ctrl-C at the terminal reaches every process; the process that answers requests decides when this one ends
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
process.on('disconnect', () => process.exit(0));

/** Numbers of attention in an answer, if translations are as long as their sources: some 15 MB. */
const maxDetails = 2_000_000;

let translator: Translator | undefined;
let batcher: Batcher | undefined;
const running = new Map<number, AbortController>();

const send = (message: FromWorker): void => void (process.connected && process.send!(message));

process.on('message', (message: ToWorker) => {
  if ('setup' in message) void setUp(message.setup);
  else if ('cancel' in message) running.get(message.id)?.abort(new Error('cancelled'));
  else void translate(message.id, message.job);
});

async function setUp(setup: WorkerSetup): Promise<void> {
  try {
    send({ ready: await open(setup) });
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    send({ failed: { message, ...(error instanceof ColdstartError && { code }) } });
    process.exitCode = 1;
    process.disconnect();
  }
}

async function open({ models, beam, windowMs, ...options }: WorkerSetup): Promise<WorkerReady> {
  const opened = await Translator.open(models, options);
  translator = opened;
  const { maxTokens, maxSentences, beamSize } = opened.decode;
  batcher = new Batcher((sources, wanted) => opened.translateEncoded(sources, { ...wanted, beam: beam ?? beamSize }), {
    maxTokens,
    maxSentences,
    windowMs,
    onBatch: (batch) => send({ batch }),
  });
  return { backend: getBackend(), beam: beam ?? beamSize, languages: opened.languages };
}

async function translate(id: number, { lines, nbest, details }: WorkerJob): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const sources = await translator!.encode(lines);
    const long = sources.findIndex(({ length }) => length > defaultMaxSourceTokens);
    if (long >= 0) {
      const message = `Invalid request: line ${long + 1} has ${sources[long].length} tokens, at most ${defaultMaxSourceTokens} are translated. Give one sentence a line`;
      send({ id, error: { status: 413, message } });
      return;
    }
    const numbers = nbest * sources.reduce((sum, { length }) => sum + length * length, 0);
    if (details && numbers > maxDetails) {
      const message = `Invalid request: details would have about ${numbers} numbers, at most ${maxDetails} are given. Ask for shorter lines or fewer alternatives, or without details`;
      send({ id, error: { status: 413, message } });
      return;
    }
    const found = await batcher!.add({ sources, nbest, attention: details, signal: controller.signal });
    send({ id, lines: found.map((line) => resultOf(line, nbest, details)) });
  } catch (error) {
    if (!controller.signal.aborted) send({ id, error: { status: 500, message: (error as Error).message } });
  } finally {
    running.delete(id);
  }
}

/** Shares of attention are shown, not computed with: digits beyond these would only make the answer long. */
function withRoundedAttention({ attention, ...translation }: Translation): Translation {
  return {
    ...translation,
    ...(attention && { attention: attention.map((row) => row.map((share) => Math.round(share * 1e5) / 1e5)) }),
  };
}

function resultOf({ nbest: found, sourceTokens }: TranslatedSource, nbest: number, details: boolean): LineResult {
  const best = found.slice(0, nbest);
  return {
    texts: best.map(({ text }) => text),
    ...(details && { details: { sourceTokens, nbest: best.map(withRoundedAttention) } }),
  };
}
