import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ColdstartError } from '../errors.js';
import { isLoopback, requestedHost } from '../report/serve/loopback.js';
import { pageHeaders } from '../report/serve/pageHeaders.js';
import { languageName } from '../report/text/languageName.js';
import { listen } from '../storage/http/listen.js';
import { modelSettings } from '../translator/openModel.js';
import { Metrics } from './metrics.js';
import { readBody } from './readBody.js';
import { RequestError } from './requestError.js';
import { servicePage } from './servicePage.js';
import { parseTranslateRequest, type ServiceOffer, type TranslateRequest } from './translateRequest.js';
import type { LineResult, WorkerReady, WorkerSetup } from './workerMessages.js';
import { WorkerProcess } from './workerProcess.js';

export interface ServiceOptions extends WorkerSetup {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Language codes, if the run's configuration does not give them or others are wanted. */
  readonly source?: string;
  readonly target?: string;
  /** Characters of a request. */
  readonly maxChars: number;
  /** Requests accepted but not answered. */
  readonly maxQueue: number;
  /** Seconds that a request may take to arrive, then to be translated, and then its answer to be read. */
  readonly timeout: number;
  /** Keys, one of which a request to translate needs. Default: none is needed. */
  readonly apiKeys?: readonly string[];
  /** Origins whose pages may use the service from a browser, or `*`. */
  readonly cors?: readonly string[];
  /** The process that translates ended and is started again. */
  readonly onWorkerEnd?: (how: string) => void;
}

export interface Service {
  readonly url: string;
  readonly offer: ServiceOffer;
  readonly backend: string;
  /** Process id of the process that translates now. */
  readonly workerPid: () => number | undefined;
  /** Answers accepted requests, refuses new ones, and ends. @returns the number of all answered requests */
  stop(): Promise<number>;
}

/** Bounds of histograms, in seconds, lines and tokens. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const linesOfBatch = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const tokensOfBatch = [16, 64, 256, 1024, 4096, 16384];

/**
 * The time after the last answer in which the server still listens and refuses, so that late requests get an answer,
 * not a broken connection.
 */
const lingerMs = 100;

/** The time for reading the rest of a refused body. */
const unreadMs = 5000;

const routes: Readonly<Record<string, readonly string[]>> = {
  '/': ['GET', 'HEAD'],
  '/health': ['GET', 'HEAD'],
  '/languages': ['GET', 'HEAD'],
  '/metrics': ['GET', 'HEAD'],
  '/translate': ['POST'],
};

/**
 * Serves translations over HTTP, for LibreTranslate's clients and with a page to try it. The models are in a separate
 * process.
 *
 * @throws ColdstartError code PORT if the port is taken or may not be used, USAGE or others if the models cannot be
 * opened, SERVICE if the process that opens them ends
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const metrics = new Metrics();
  const offer = offerOf(options);
  // the port is taken before models are opened, which takes long
  const http = new HttpService(options, offer, metrics);
  const url = await http.listen();
  const starting = WorkerProcess.start(
    {
      models: options.models,
      beam: options.beam,
      windowMs: options.windowMs,
      threads: options.threads,
      use: options.use,
      text: options.text,
      backend: options.backend,
    },
    {
      onBatch: ({ lines, tokens, seconds: duration }) => {
        metrics.observe('coldstart_batch_lines', 'Lines translated together.', linesOfBatch, lines);
        metrics.observe('coldstart_batch_tokens', 'Source tokens translated together.', tokensOfBatch, tokens);
        metrics.observe('coldstart_batch_seconds', 'Time that a batch took.', seconds, duration);
      },
      onEnd: (how) => {
        metrics.count('coldstart_worker_restarts_total', 'Times the translating process ended and was started again.');
        options.onWorkerEnd?.(how);
      },
    },
  );
  try {
    const { worker, ready } = await starting;
    return http.serve(worker, ready, url);
  } catch (error) {
    await http.close();
    throw error;
  }
}

/** What the service will translate, as files say it. @throws UsageError, DataError if there are no such models */
function offerOf({ models, use, text, beam, source, target, maxChars }: ServiceOptions): ServiceOffer {
  const [{ languages, decode }] = models.map((path) => modelSettings(path, { use, text }));
  const [from, to] = [source ?? languages?.src, target ?? languages?.trg];
  if (from === undefined || to === undefined)
    throw new ColdstartError('USAGE', 'a checkpoint does not say its languages. Give --source and --target.', {
      exitCode: 2,
    });
  return { source: from, target: to, beam: beam ?? decode.beamSize, maxChars };
}

class HttpService {
  private readonly server: Server;
  private readonly keys: readonly Buffer[] | undefined;
  private isStopping = false;
  /** Requests in progress, and those of them that wait for a translation. */
  private open = 0;
  private queued = 0;
  /** Requests whose bodies are being read: each holds as much as a body may have. */
  private arriving = 0;
  private answered = 0;
  private whenIdle: (() => void) | undefined;
  /** Undefined until its models are open. */
  private worker: WorkerProcess | undefined;

  constructor(
    private readonly options: ServiceOptions,
    private readonly offer: ServiceOffer,
    private readonly metrics: Metrics,
  ) {
    this.keys = options.apiKeys?.map(digest);
    const timeout = options.timeout * 1000;
    this.server = createServer(
      {
        requestTimeout: timeout,
        headersTimeout: Math.min(timeout, 30_000),
        connectionsCheckingInterval: Math.min(1000, timeout / 4),
        keepAliveTimeout: 65_000, // longer than usual proxies keep a connection, so that they close it, not we
      },
      (request, response) => void this.answer(request, response),
    );
    this.server.on('clientError', answerBrokenRequest);
  }

  /** Takes the port; requests to translate are refused until `serve`. @returns its address */
  async listen(): Promise<string> {
    const { host, port } = this.options;
    const chosen = await listen(this.server, {
      host,
      port,
      advice: 'or 0 for a free one',
      onError: () => this.metrics.count('coldstart_server_errors_total', 'Connections that could not be accepted.'),
    });
    return `http://${host.includes(':') ? `[${host}]` : host}:${chosen}/`;
  }

  /** Translates from now on. */
  serve(worker: WorkerProcess, { backend }: WorkerReady, url: string): Service {
    this.worker = worker;
    return { url, offer: this.offer, backend, workerPid: () => worker.pid, stop: () => this.stop() };
  }

  /** Leaves the port. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private async stop(): Promise<number> {
    this.isStopping = true;
    await this.idle();
    await sleep(lingerMs);
    this.server.close();
    await this.idle(); // refusals in progress
    await this.close();
    await this.worker?.stop();
    return this.answered;
  }

  private idle(): Promise<void> {
    return this.open === 0 ? Promise.resolve() : new Promise((resolve) => (this.whenIdle = resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const isRefused = this.isStopping;
    this.open++;
    const url = addressOf(request);
    const path = url?.pathname ?? '';
    const gone = new AbortController();
    onEnd(request, response, () => {
      gone.abort(new RequestError(499, 'the client went away'));
      const known = Object.hasOwn(routes, path) ? path : 'other';
      this.metrics.count(
        'coldstart_requests_total',
        'Requests answered, by path and HTTP status; 499: the client went away.',
        `path="${known}",status="${response.writableFinished ? response.statusCode : 499}"`,
      );
      if (known === '/translate')
        this.metrics.observe(
          'coldstart_request_seconds',
          'Time from a request to its answer.',
          seconds,
          (performance.now() - started) / 1000,
        );
      this.open--;
      if (response.writableFinished && !isRefused) this.answered++;
      if (this.open === 0) this.whenIdle?.();
    });
    try {
      if (url === undefined) throw new RequestError(400, 'Invalid request: the address cannot be read');
      this.checkHost(request);
      this.checkOrigin(request, response);
      if (request.method === 'OPTIONS' && response.hasHeader('access-control-allow-origin')) {
        response.setHeader('access-control-allow-methods', 'GET, POST');
        response.setHeader('access-control-allow-headers', 'content-type, authorization');
        this.end(response, 204, '', 'text/plain');
        return;
      }
      if (!Object.hasOwn(routes, path))
        throw new RequestError(404, `${path.slice(0, 80)} is not an address of this service`);
      if (!routes[path].includes(request.method ?? ''))
        throw new RequestError(405, `${request.method} is not possible for ${path}, expected ${routes[path][0]}`, {
          allow: routes[path].join(', '),
        });
      await this.route(path, request, response, url.searchParams, gone);
    } catch (error) {
      if (response.headersSent) return;
      const failure =
        error instanceof RequestError
          ? error
          : new RequestError(500, `the service has a defect: ${(error as Error).message}`);
      const message = shortened(failure.message);
      for (const [name, value] of Object.entries(failure.headers)) response.setHeader(name, value);
      if (request.complete) this.json(response, failure.status, { error: message });
      else this.refuseUnread(request, response, failure.status, message);
    }
  }

  private async route(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    gone: AbortController,
  ): Promise<void> {
    const { source, target } = this.offer;
    switch (path) {
      case '/':
        for (const [name, value] of Object.entries(pageHeaders)) response.setHeader(name, value);
        this.end(response, 200, servicePage(this.offer, this.options.models, this.keys !== undefined), 'text/html');
        return;
      case '/health': {
        const status = this.isStopping ? 'stopping' : this.worker?.isReady ? 'ok' : 'starting';
        this.json(response, status === 'ok' ? 200 : 503, { status });
        return;
      }
      case '/languages':
        this.json(response, 200, [
          { code: source, name: languageName(source), targets: [target] },
          { code: target, name: languageName(target), targets: [] },
        ]);
        return;
      case '/metrics':
        this.end(response, 200, this.metricsText(), 'text/plain; version=0.0.4');
        return;
      case '/translate':
        if (this.isStopping) throw new RequestError(503, 'the server is stopping', { 'retry-after': '5' });
        await this.translate(request, response, query, gone);
    }
  }

  /** @param gone raised when the client goes away */
  private async translate(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    gone: AbortController,
  ): Promise<void> {
    const { maxChars, maxQueue, timeout } = this.options;
    const { worker } = this;
    if (!worker)
      throw new RequestError(503, 'the model is being opened; ask again in a few seconds', { 'retry-after': '5' });
    // what refuses a request without its body comes before the body
    const checkQueue = (): void => {
      if (this.queued >= maxQueue || this.arriving >= maxQueue)
        throw new RequestError(429, `Too many requests: ${maxQueue} wait already`, { 'retry-after': '1' });
    };
    checkQueue();
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      throw new RequestError(
        415,
        `Invalid request: the body is packed (content-encoding ${encoding.slice(0, 40)}), expected plain text`,
      );
    const bearer = bearerOf(request);
    if (bearer !== undefined) this.checkKey(bearer);
    // a character of JSON takes at most 6 bytes (\u00e9); other fields are short
    this.arriving++;
    const body = await readBody(request, 6 * maxChars + 65_536).finally(() => this.arriving--);
    const asked = await parseTranslateRequest(body, request.headers['content-type'] ?? '', query, this.offer);
    if (bearer === undefined) this.checkKey(asked.apiKey);
    checkQueue(); // others came meanwhile
    this.queued++;
    const timer = setTimeout(
      () => gone.abort(new RequestError(503, `it was not translated within ${timeout} s`, { 'retry-after': '5' })),
      timeout * 1000,
    );
    try {
      const split = asked.texts.map((text) => text.split('\n'));
      const lines = await worker.translate(
        { lines: split.flat(), nbest: asked.alternatives + 1, details: asked.details },
        gone.signal,
      );
      this.metrics.count('coldstart_translated_lines_total', 'Lines translated.', '', lines.length);
      this.json(response, 200, responseOf(asked, split, lines, this.offer));
    } finally {
      this.queued--;
      clearTimeout(timer);
    }
  }

  /**
   * A service of this machine alone answers to its own names only. Another site could point its name to this machine's
   * address, and its pages would then count as pages of the service.
   */
  private checkHost({ headers }: IncomingMessage): void {
    const { host, cors = [] } = this.options;
    if (!isLoopback(host) || headers.host === undefined || cors.includes('*')) return;
    const named = requestedHost(headers.host);
    if (isLoopback(named) || named === host || cors.some((origin) => new URL(origin).hostname === named)) return;
    throw new RequestError(
      403,
      `this service listens on ${host} and does not answer to the name ${JSON.stringify(headers.host.slice(0, 80))}`,
    );
  }

  /**
   * A page of another site may use the service only if it is listed: otherwise it would act in the name of its reader.
   */
  private checkOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin, host } = request.headers;
    if (origin === undefined) return;
    const { cors = [] } = this.options;
    if (cors.length > 0) response.setHeader('vary', 'Origin');
    if (cors.includes('*') || cors.includes(origin)) {
      response.setHeader('access-control-allow-origin', cors.includes('*') ? '*' : origin);
      return;
    }
    if (URL.canParse(origin) && new URL(origin).host === host) return;
    throw new RequestError(403, `pages of ${origin.slice(0, 80)} may not use this service`);
  }

  private checkKey(key: string | undefined): void {
    if (this.keys === undefined) return;
    const given = digest(key ?? '');
    if (!this.keys.some((each) => timingSafeEqual(each, given)))
      throw new RequestError(
        403,
        key === undefined ? 'Please contact the server operator to get an API key' : 'Invalid API key',
      );
  }

  private metricsText(): string {
    return this.metrics.toText([
      ['coldstart_up', 'Whether the model is open.', this.worker?.isReady ? 1 : 0],
      ['coldstart_queue_requests', 'Requests accepted and not answered yet.', this.queued],
      ['process_resident_memory_bytes', 'Memory of the process that answers requests.', process.memoryUsage.rss()],
    ]);
  }

  /**
   * Answers before the whole body has arrived. The rest is read for a while and dropped: if the connection closed
   * earlier, it would break at the client, which would not see the answer.
   */
  private refuseUnread(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
    const text = `${JSON.stringify({ error: message })}\n`;
    response.writeHead(status, {
      connection: 'close',
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    });
    response.write(text);
    const end = (): void => void response.end();
    const timer = setTimeout(end, unreadMs);
    request.once('end', end).once('close', () => {
      clearTimeout(timer);
      end();
    });
    request.resume();
  }

  private json(response: ServerResponse, status: number, value: unknown): void {
    this.end(response, status, `${JSON.stringify(value)}\n`, 'application/json');
  }

  private end(response: ServerResponse, status: number, text: string, type: string): void {
    if (this.isStopping) response.setHeader('connection', 'close');
    if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    // a client that does not read its answer would keep memory, and a service that stops would wait for it
    const unread = setTimeout(() => response.destroy(), 1000 * this.options.timeout).unref();
    response.once('close', () => clearTimeout(unread));
    response
      .writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(text) })
      .end(text);
  }
}

/** The response to a request: LibreTranslate's fields, and `details` if requested. */
function responseOf(
  { isList, isAuto, alternatives, details }: TranslateRequest,
  split: readonly (readonly string[])[],
  lines: readonly LineResult[],
  { source }: ServiceOffer,
): Record<string, unknown> {
  let next = 0;
  const texts = split.map((own) => lines.slice(next, (next += own.length)));
  const one = <T>(values: readonly T[]): T | readonly T[] => (isList ? values : values[0]);
  const joined = (own: readonly LineResult[], rank: number): string =>
    own.map((line) => line.texts[Math.min(rank, line.texts.length - 1)]).join('\n');
  const others = (own: readonly LineResult[]): string[] => {
    const best = joined(own, 0);
    const all = Array.from({ length: alternatives }, (_, i) => joined(own, i + 1));
    return [...new Set(all)].filter((text) => text !== best);
  };
  return {
    translatedText: one(texts.map((own) => joined(own, 0))),
    // one language is offered: nothing is detected
    ...(isAuto && { detectedLanguage: one(texts.map(() => ({ confidence: 0, language: source }))) }),
    ...(alternatives > 0 && { alternatives: one(texts.map(others)) }),
    ...(details && { details: one(texts.map((own) => own.map((line) => line.details))) }),
  };
}

/**
 * Calls `done` once: after the response is sent, or when the connection closes, also for requests that wait behind
 * others on it.
 */
function onEnd({ socket }: IncomingMessage, response: ServerResponse, done: () => void): void {
  // such a response has no connection until its turn comes, so it does not learn that the connection closed
  let isOver = false;
  const end = (): void => {
    if (isOver) return; // one emission of "close" by the connection can lead here twice
    isOver = true;
    response.off('close', end);
    socket.off('close', end);
    done();
  };
  response.once('close', end);
  socket.setMaxListeners(0).once('close', end);
}

/** Requests that are not HTTP, have too large headers, or are too slow. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'the request did not arrive in time']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'the headers are too large']
        : ['400 Bad Request', 'Invalid request: it is not HTTP'];
  const text = `${JSON.stringify({ error: message })}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

function addressOf({ url = '' }: IncomingMessage): URL | undefined {
  const address = url.startsWith('/') ? `http://service${url.replace(/^\/{2,}/, '/')}` : url;
  return URL.canParse(address) ? new URL(address) : undefined;
}

/** Messages can hold what a client sent. */
const longestMessage = 500;
const shortened = (message: string): string =>
  message.length > longestMessage ? `${message.slice(0, longestMessage).toWellFormed()} ...` : message;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
}
