import { RequestError } from './requestError.js';

/** The languages and limits of the service. */
export interface ServiceOffer {
  readonly source: string;
  readonly target: string;
  /** Translations per line: the best one and the alternatives. */
  readonly beam: number;
  /** Characters of a request. */
  readonly maxChars: number;
}

/** A request to translate, as LibreTranslate's clients make it. */
export interface TranslateRequest {
  /** Texts; each may have several lines, which are translated one by one. */
  readonly texts: readonly string[];
  /** Whether the client gave a list, and gets one. */
  readonly isList: boolean;
  /** Whether the client left the source language to the service. */
  readonly isAuto: boolean;
  readonly alternatives: number;
  /**
   * Whether the response also has tokens, log-probabilities and attention: an addition to LibreTranslate's protocol.
   */
  readonly details: boolean;
  readonly apiKey?: string;
}

/**
 * Reads a request to translate from a JSON or form body.
 *
 * @param query of the address; a form may give its fields there, too
 * @throws RequestError 400, 413 (too much text) or 415 (another kind of body or charset), with LibreTranslate's message
 * if it has one
 */
export async function parseTranslateRequest(
  body: Buffer,
  contentType: string,
  query: URLSearchParams,
  offer: ServiceOffer,
): Promise<TranslateRequest> {
  const fields = await fieldsOf(body, contentType, query);
  const { q } = fields;
  if (q === undefined || q === '' || (Array.isArray(q) && q.length === 0)) throw missing('q');
  const isList = Array.isArray(q);
  const texts: unknown[] = isList ? q : [q];
  const wrong = texts.findIndex((text) => typeof text !== 'string');
  if (wrong >= 0) throw invalid(`q${isList ? `[${wrong}]` : ''} is ${kindOf(texts[wrong])}, expected a string`);
  const isAuto = checkLanguages(fields, offer);
  const format = fields.format ?? 'text';
  if (format !== 'text') throw invalid(`${shown(format)} format is not supported, expected text`);
  const chars = (texts as string[]).reduce((sum, text) => sum + text.length, 0);
  if (chars > offer.maxChars)
    throw new RequestError(413, `Invalid request: request (${chars}) exceeds text limit (${offer.maxChars})`);
  const apiKey = fields.api_key;
  if (apiKey !== undefined && typeof apiKey !== 'string') throw invalid('api_key is not a string');
  return {
    texts: (texts as string[]).map((text) => text.toWellFormed().replace(/\r\n?/g, '\n')),
    isList,
    isAuto,
    alternatives: alternativesOf(fields.alternatives, offer),
    details: fields.details === true || fields.details === 'true',
    apiKey: apiKey === '' ? undefined : apiKey,
  };
}

type Fields = Readonly<Record<string, unknown>>;

async function fieldsOf(body: Buffer, contentType: string, query: URLSearchParams): Promise<Fields> {
  const kind = contentType.split(';')[0].trim().toLowerCase();
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset))
    throw new RequestError(415, `Invalid request: charset ${shown(charset)} is not supported, expected utf-8`);
  if (kind === 'application/json') {
    let value: unknown;
    try {
      value = JSON.parse(utf8(body));
    } catch (error) {
      if (error instanceof RequestError) throw error;
      throw invalid(`the body is not JSON: ${(error as Error).message}`);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalid(`the body is ${kindOf(value)}, expected a JSON object`);
    return value as Fields;
  }
  const form = new Map<string, string>();
  const add = (value: string, key: string): void => {
    if (form.has(key)) throw invalid(`${shown(key)} is given twice, expected once; several texts need a list in JSON`);
    form.set(key, value);
  };
  query.forEach(add);
  if (kind === 'application/x-www-form-urlencoded') new URLSearchParams(utf8(body)).forEach(add);
  else if (kind === 'multipart/form-data') {
    let data: FormData;
    try {
      data = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
    } catch {
      throw invalid('the body is not a form (multipart/form-data)');
    }
    data.forEach((value, key) => {
      if (typeof value !== 'string') throw invalid(`${shown(key)} is a file, expected text`);
      add(value, key);
    });
  } else if (kind !== '' || body.length > 0)
    throw new RequestError(
      415,
      `Invalid request: content type ${shown(kind)} is not supported, expected application/json or a form`,
    );
  return Object.fromEntries(form);
}

function utf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw invalid('the body is not valid UTF-8');
  }
}

/** @returns whether the client left the source language to the service */
function checkLanguages({ source, target }: Fields, offer: ServiceOffer): boolean {
  for (const [name, value] of Object.entries({ source, target })) {
    if (value === undefined || value === '') throw missing(name);
    if (typeof value !== 'string') throw invalid(`${name} is ${kindOf(value)}, expected a string`);
  }
  if (source !== 'auto' && source !== offer.source)
    throw new RequestError(400, `${shown(source)} is not supported as source language, expected ${offer.source}`);
  if (target !== offer.target)
    throw new RequestError(
      400,
      `${shown(target)} is not available as a target language from ${offer.source}, expected ${offer.target}`,
    );
  return source === 'auto';
}

function alternativesOf(value: unknown, { beam }: ServiceOffer): number {
  if (value === undefined || value === '') return 0;
  const count = typeof value === 'string' ? Number(value) : value;
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0 || count > beam - 1)
    throw invalid(`alternatives is ${shown(value)}, expected an integer from 0 to ${beam - 1}`);
  return count;
}

const invalid = (what: string): RequestError => new RequestError(400, `Invalid request: ${what}`);
const missing = (name: string): RequestError => invalid(`missing ${name} parameter`);

/** A value of the client in a message: short. Lists and objects may be nested deeper than JSON can be written. */
const shown = (value: unknown): string =>
  typeof value === 'object' && value !== null ? kindOf(value) : String(value).slice(0, 40);

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`.replace('a object', 'an object');
}
