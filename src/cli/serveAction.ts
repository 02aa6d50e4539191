import { UsageError } from '../errors.js';
import { startService } from '../service/service.js';
import { readTextFile } from '../storage/textFile.js';
import { abortOnInterrupt } from './interrupts.js';
import { chosenModels, type ModelFlags } from './modelFlags.js';

export interface ServeFlags extends ModelFlags {
  source?: string;
  target?: string;
  host: string;
  port: number;
  beam?: number;
  maxChars: number;
  maxQueue: number;
  timeout: number;
  window: number;
  threads?: number;
  apiKeyFile?: string;
  cors: string[];
  backend: string;
}

export async function serveAction(flags: ServeFlags): Promise<void> {
  const models = chosenModels(flags);
  const wrong = flags.cors.find((origin) => origin !== '*' && !isOrigin(origin));
  if (wrong !== undefined)
    throw new UsageError(`--cors is "${wrong}", expected an origin such as https://example.org, or *.`);
  for (const option of ['source', 'target'] as const) {
    const code = flags[option];
    if (code !== undefined && !isLanguageCode(code))
      throw new UsageError(`--${option} is "${code}", expected a language code such as de or pt-BR.`);
  }
  const apiKeys = flags.apiKeyFile === undefined ? undefined : readKeys(flags.apiKeyFile);
  const signal = abortOnInterrupt('The service ended.', {
    atOnce: 'Answering the accepted requests and refusing new ones; once more to stop at once.',
  });
  const service = await startService({
    ...flags,
    models,
    windowMs: flags.window,
    apiKeys,
    onWorkerEnd: (how) => console.error(`The process that translates ended (${how}); it is started again.`),
  });
  const { source, target } = service.offer;
  console.log(
    `${service.url} translates ${source} to ${target} with ${models.join(', ')} (${service.backend}); Ctrl-C ends it.`,
  );
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const answered = await service.stop();
  console.error(`The service ended. It answered ${answered} requests.`);
}

function readKeys(path: string): string[] {
  const keys = readTextFile(path, 'file of API keys')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (keys.length === 0) throw new UsageError(`${path} holds no API key, expected one a line.`);
  return keys;
}

/** "auto" asks the service to find the language. */
const isLanguageCode = (text: string): boolean => /^[\p{L}\p{N}]+([-_][\p{L}\p{N}]+)*$/u.test(text) && text !== 'auto';

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;
