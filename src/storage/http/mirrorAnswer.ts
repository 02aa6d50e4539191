import type { IncomingMessage } from 'node:http';

/** This mirror will not give the file; another may. */
export class MirrorError extends Error {}

/** It did not work out now, and may later. */
export class TransientError extends Error {
  constructor(
    message: string,
    readonly waitMs?: number,
  ) {
    super(message);
  }
}

/** How a body continues the existing part. */
export interface BodyPlan {
  /** Position of the body's first byte in the file: 0, or where the part ends. */
  readonly startAt: number;
  readonly totalBytes?: number;
  readonly validator?: string;
}

const transientStatuses = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/**
 * What to do with an answer's body.
 *
 * @param resumedAt bytes that are there, from which on was asked for; 0 if for all
 * @returns null if the part no longer fits and has to start afresh
 * @throws MirrorError, TransientError
 * Source: RFC 9110, sections 14 and 15.
 */
export function planBody(
  answer: IncomingMessage,
  resumedAt: number,
  known: { totalBytes?: number; validator?: string },
): BodyPlan | null {
  const status = answer.statusCode ?? 0;
  const saying = `answered ${status} ${answer.statusMessage ?? ''}`.trim();
  if (transientStatuses.has(status)) throw new TransientError(saying, retryAfterMs(answer.headers['retry-after']));
  if (status === 416 && resumedAt > 0) return null;
  if (status !== 200 && status !== 206) throw new MirrorError(saying);
  if (/^text\/html\b/i.test(answer.headers['content-type'] ?? ''))
    throw new MirrorError('sent a web page instead of the file');
  const validator = validatorOf(answer);
  if (status === 200) return { startAt: 0, totalBytes: wholeNumber(answer.headers['content-length']), validator };

  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.headers['content-range'] ?? '');
  if (range === null || resumedAt === 0)
    throw new MirrorError(
      `${saying} to a request for ${resumedAt === 0 ? 'the whole file' : 'the rest'}, with Content-Range ${JSON.stringify(answer.headers['content-range'] ?? '')}`,
    );
  const totalBytes = wholeNumber(range[3]) ?? Number(range[2]) + 1;
  const changed =
    (known.totalBytes !== undefined && known.totalBytes !== totalBytes) ||
    (known.validator !== undefined && validator !== undefined && validator !== known.validator);
  if (Number(range[1]) !== resumedAt || changed) return null;
  return { startAt: resumedAt, totalBytes, validator };
}

/** A strong ETag or the date of the last change. A weak ETag does not promise the same bytes. */
function validatorOf({ headers }: IncomingMessage): string | undefined {
  return headers.etag?.startsWith('"') ? headers.etag : headers['last-modified'];
}

function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(ms, 0) : undefined;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
