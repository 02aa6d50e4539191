import { createWriteStream, existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ColdstartError, DataError } from '../../errors.js';
import { completed, integer, type Section, type Values } from '../../field.js';
import { fileDigests, type FileIdentity } from '../checksum.js';
import { get } from './get.js';
import { MirrorError, planBody, TransientError } from './mirrorAnswer.js';
import { PartFile } from './partFile.js';
import type { Environment } from './proxy.js';
import { makeFolder } from '../makeFolder.js';
import { writeFailure } from '../writeFailure.js';

/** What is known of a file's content; checksums in hexadecimal. */
export interface ExpectedContent {
  readonly bytes?: number;
  readonly sha256?: string;
  readonly md5?: string;
}

/** Addresses, expected checksum and target of `download`. */
export interface DownloadOptions {
  /** Mirrors, asked one after the other. http or https. */
  readonly urls: readonly string[];
  /** The file's path; it gets this name when it is complete and verified. */
  readonly path: string;
  readonly expected?: ExpectedContent;
  /** Larger files are refused. Default 64 GiB. */
  readonly maxBytes?: number;
  /** Aborting keeps the part for the next download of the same path. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
  /** Receives notes on retries and on mirrors that fail. */
  readonly onNote?: (note: string) => void;
  readonly patience?: Patience;
  /** Where proxies are named. Default `process.env`. */
  readonly environment?: Environment;
}

type CheckedOptions = DownloadOptions & Values<typeof downloadFields> & { readonly patience: Required<Patience> };

export interface Patience {
  /** A silent connection is given up after so long. Default one minute. */
  readonly idleTimeoutMs?: number;
  /** Attempts at one mirror that bring less than 1 KiB. Default 5. */
  readonly attempts?: number;
  /** Wait before the second attempt; doubled for each further one. Default one second. */
  readonly firstWaitMs?: number;
  /** Longest wait, also where the server names one. Default two minutes. */
  readonly maxWaitMs?: number;
}

/** The fields of `DownloadOptions`. */
export const downloadFields = {
  maxBytes: integer(64 * 2 ** 30, 'Larger files are refused.', { min: 1, max: 2 ** 50, unit: 'bytes' }),
} as const satisfies Section;

const milliseconds = { min: 1, max: 2 ** 31 - 1, unit: 'ms' };

/** The fields of `Patience`. */
export const patienceFields = {
  idleTimeoutMs: integer(60_000, 'A silent connection is given up after so long.', milliseconds),
  attempts: integer(5, 'Attempts at one mirror that bring less than 1 KiB.', { min: 1 }),
  firstWaitMs: integer(1000, 'Wait before the second attempt; doubled for each further one.', {
    ...milliseconds,
    min: 0,
  }),
  maxWaitMs: integer(120_000, 'Longest wait, also where the server names one.', { ...milliseconds, min: 0 }),
} as const satisfies Section;

const maxRedirects = 10;
/** Less than that in the idle time is a connection that only pretends to be alive. */
const leastBytes = 1024;
/** Attempts that bring bytes do not count as failed, but their number has an end too. */
const maxAttemptsInAll = 100;

/**
 * Downloads a file, and resumes where an earlier attempt stopped. A part is continued only if the server vouches
 * that the file is the same (`If-Range`), or a checksum will show it.
 *
 * @returns size and SHA-256, and the mirror it came from
 * @throws ColdstartError code DOWNLOAD_FAILED with the reason of each mirror; code BUSY if another process is at it;
 * UsageError for options out of range
 */
export async function download(given: DownloadOptions): Promise<FileIdentity & { readonly url: string }> {
  const options: CheckedOptions = {
    ...given,
    ...completed(given, downloadFields),
    patience: completed(given.patience ?? {}, patienceFields, 'patience.'),
  };
  const { urls, path, onNote = () => {} } = options;
  makeFolder(dirname(path));
  const part = await PartFile.open(path, options.signal);
  const reasons: string[] = [];
  try {
    for (const url of urls) {
      try {
        await fetchPart(url, part, options);
        const identity = await verified(part, options);
        part.finish();
        return { ...identity, url };
      } catch (error) {
        if (!(error instanceof MirrorError)) throw error;
        reasons.push(`${url} ${error.message}`);
        if (url !== urls.at(-1)) onNote(`${url} ${error.message}; trying the next mirror`);
      }
    }
  } finally {
    part.release();
  }
  throw new ColdstartError(
    'DOWNLOAD_FAILED',
    `${path} could not be downloaded:\n${reasons.map((reason) => `  ${reason}.`).join('\n')}`,
  );
}

/** How a file differs from its expected size or checksum, or null. @throws DataError if it cannot be read */
export async function contentFault(
  path: string,
  expected: ExpectedContent,
): Promise<{ fault: string | null; identity: FileIdentity }> {
  const { bytes, digests } = await fileDigests(path, ['sha256', 'md5']);
  const identity = { bytes, sha256: digests.sha256 };
  const found = { ...identity, md5: digests.md5 };
  for (const [key, name] of [
    ['bytes', 'size'],
    ['sha256', 'SHA-256'],
    ['md5', 'MD5'],
  ] as const) {
    const wanted = expected[key];
    if (wanted !== undefined && wanted !== found[key])
      return { fault: `${name} is ${found[key]}, expected ${wanted}`, identity };
  }
  return { fault: null, identity };
}

async function verified(part: PartFile, { expected = {} }: DownloadOptions): Promise<FileIdentity> {
  const { fault, identity } = await contentFault(part.path, expected);
  if (fault === null) return identity;
  part.discard();
  throw new MirrorError(`sent another file than expected: its ${fault}. What came was removed`);
}

/** Attempts at one mirror, until the part is complete. */
async function fetchPart(url: string, part: PartFile, options: CheckedOptions): Promise<void> {
  const {
    patience: { attempts, firstWaitMs, maxWaitMs },
    signal,
    onNote = () => {},
  } = options;
  let failures = 0;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const before = part.bytes;
    try {
      if (await attemptPart(url, part, options)) return;
      onNote(`${url}: the part no longer fits the file; starting again`);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof MirrorError || error instanceof ColdstartError) throw error;
      const { message } = error as Error;
      failures = part.bytes - before >= leastBytes ? 1 : failures + 1;
      if (failures >= attempts || attempt >= maxAttemptsInAll)
        throw new MirrorError(`failed ${attempt === 1 ? 'once' : `${attempt} times`}, at last: ${message}`);
      const asked = error instanceof TransientError ? error.waitMs : undefined;
      if (asked !== undefined && asked > maxWaitMs)
        throw new MirrorError(`${message} and asks to wait for ${Math.ceil(asked / 1000)} s`);
      // half of the wait is left to chance, so that many clients do not come back at once
      const waitMs = asked ?? Math.min(firstWaitMs * 2 ** (failures - 1), maxWaitMs) * (0.5 + Math.random() / 2);
      onNote(`${url} ${message}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
      await sleep(waitMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/** @returns whether the part is complete; false: it did not fit and was removed */
async function attemptPart(url: string, part: PartFile, options: CheckedOptions): Promise<boolean> {
  const { expected = {}, maxBytes, onProgress } = options;
  const { origin } = part;
  const sameServer = origin?.url === url;
  const checksumKnown = expected.sha256 !== undefined || expected.md5 !== undefined;
  if (part.bytes > 0 && !checksumKnown && !(sameServer && origin.validator !== undefined)) part.discard();
  if (part.bytes > 0 && part.bytes === (expected.bytes ?? (sameServer ? origin.totalBytes : undefined))) return true;
  const resumedAt = part.bytes;
  const known = sameServer && origin ? { validator: origin.validator, totalBytes: origin.totalBytes } : {};
  const headers: Record<string, string> = { 'user-agent': 'coldstart', 'accept-encoding': 'identity', accept: '*/*' };
  if (resumedAt > 0) headers.range = `bytes=${resumedAt}-`;
  if (resumedAt > 0 && known.validator !== undefined) headers['if-range'] = known.validator;

  const answer = await follow(new URL(url), headers, options);
  try {
    const plan = planBody(answer, resumedAt, known);
    if (plan === null) {
      part.discard();
      return false;
    }
    const limit = expected.bytes ?? maxBytes;
    if (plan.totalBytes !== undefined && expected.bytes !== undefined && plan.totalBytes !== expected.bytes) {
      throw new MirrorError(`has a file of ${plan.totalBytes} bytes, expected ${expected.bytes}`);
    }
    if (plan.totalBytes !== undefined && plan.totalBytes > limit)
      throw new MirrorError(`has a file of ${plan.totalBytes} bytes; at most ${limit} are accepted`);
    part.setOrigin({ url, validator: plan.validator, totalBytes: plan.totalBytes });
    const idleMs = options.patience.idleTimeoutMs;
    const progress = (done: number): void => onProgress?.(done, plan.totalBytes ?? expected.bytes);
    await writeBody(answer, part, { startAt: plan.startAt, limit, idleMs }, progress);
    const wanted = plan.totalBytes ?? expected.bytes;
    if (wanted !== undefined && part.bytes < wanted)
      throw new TransientError(`stopped after ${part.bytes} of ${wanted} bytes`);
    return true;
  } finally {
    answer.destroy();
  }
}

async function writeBody(
  answer: IncomingMessage,
  part: PartFile,
  { startAt, limit, idleMs }: { startAt: number; limit: number; idleMs: number },
  onProgress: (doneBytes: number) => void,
): Promise<void> {
  let done = startAt;
  onProgress(done);
  let before = done;
  const watch = setInterval(() => {
    if (done - before < leastBytes) answer.destroy(new Error(`only ${done - before} bytes came in ${idleMs / 1000} s`));
    before = done;
  }, idleMs);
  const file = createWriteStream(part.path, startAt > 0 ? { flags: 'r+', start: startAt } : { flags: 'w' });
  await pipeline(
    answer,
    async function* (body: AsyncIterable<Buffer>) {
      for await (const chunk of body) {
        done += chunk.length;
        if (done > limit) throw new MirrorError(`sends more than the ${limit} bytes that are accepted`);
        onProgress(done);
        yield chunk;
      }
    },
    file,
  )
    .finally(() => clearInterval(watch))
    .catch((error: NodeJS.ErrnoException) => {
      if (error.syscall === 'write' || error.syscall === 'open') throw writeFailure(part.path, error);
      if (error instanceof MirrorError) part.discard(); // bytes of a longer file are not the beginning of this one
      throw error instanceof MirrorError
        ? error
        : new TransientError(`broke off after ${part.bytes} bytes (${error.message})`);
    });
}

/** The first answer that is no redirect. */
async function follow(
  first: URL,
  headers: Readonly<Record<string, string>>,
  options: CheckedOptions,
): Promise<IncomingMessage> {
  const {
    patience: { idleTimeoutMs },
    environment = process.env,
    signal,
  } = options;
  let url = first;
  for (let redirects = 0; ; redirects++) {
    const answer = await get(url, { headers, idleTimeoutMs, environment, signal });
    const {
      statusCode = 0,
      headers: { location },
    } = answer;
    if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return answer;
    answer.destroy();
    if (redirects === maxRedirects) throw new MirrorError(`redirects more than ${maxRedirects} times`);
    const next = URL.canParse(location, url.href) ? new URL(location, url) : null;
    if (next === null || !/^https?:$/.test(next.protocol))
      throw new MirrorError(`redirects to ${JSON.stringify(location.slice(0, 200))}, which is no web address`);
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw new MirrorError(`redirects from https to http (${next.host}), which anybody on the way could change`);
    url = next;
  }
}

/** Whether a file is there already, as expected. @throws DataError if it is there and differs */
export async function isDownloaded(path: string, expected: ExpectedContent): Promise<FileIdentity | null> {
  if (!existsSync(path)) return null;
  const { fault, identity } = await contentFault(path, expected);
  if (fault !== null)
    throw new DataError(`${path} is there already, but its ${fault}. Remove it to download it again.`);
  return identity;
}
