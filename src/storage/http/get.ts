import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { proxyFor, type Environment } from './proxy.js';

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The request fails if nothing arrives for this long: a connection, an answer or the rest of one. */
  readonly idleTimeoutMs: number;
  /** Where proxies are named. */
  readonly environment: Environment;
  readonly signal?: AbortSignal;
}

/**
 * The answer to a GET request, once its headers have arrived. Redirects are answers like others, and the body comes as
 * the server sends it. Goes through the environment's proxy: https through a tunnel, http by the full address.
 *
 * @throws Error without a connection in time
 */
export async function get(url: URL, options: GetOptions): Promise<IncomingMessage> {
  const proxy = proxyFor(url, options.environment);
  const headers = { host: url.host, ...credentials('authorization', url), ...options.headers };
  if (proxy === null)
    return answerTo(start(url, { path: url.pathname + url.search, headers }, options), options.idleTimeoutMs);
  if (url.protocol === 'http:') {
    return answerTo(
      start(proxy, { path: url.href, headers: { ...headers, ...credentials('proxy-authorization', proxy) } }, options),
      options.idleTimeoutMs,
    );
  }
  const socket = await openTunnel(proxy, url, options);
  return answerTo(start(url, { path: url.pathname + url.search, headers, socket }, options), options.idleTimeoutMs);
}

interface Start {
  readonly method?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Connection to use instead of a new one. */
  readonly socket?: Socket;
}

function start(
  to: URL,
  { method = 'GET', path, headers, socket }: Start,
  { idleTimeoutMs, signal }: GetOptions,
): ClientRequest {
  const hostname = bareHost(to);
  const request = (to.protocol === 'https:' ? httpsRequest : httpRequest)({
    method,
    path,
    headers,
    signal,
    hostname,
    port: to.port || undefined,
    timeout: idleTimeoutMs,
    // any agent, also the default one, would make its own connection
    ...(socket ? { createConnection: () => tlsConnect({ socket, servername: hostname }) } : { agent: false }),
  });
  // a caller that waits for an answer receives errors; later ones end the body, and need a listener too
  request.on('error', () => {});
  request.on('timeout', () => request.destroy(new Error(`nothing came from ${to.host} for ${idleTimeoutMs / 1000} s`)));
  return request;
}

/** Headers that arrive slowly are abandoned after this many times the idle time. */
const headerPatience = 5;

function answerTo(request: ClientRequest, idleTimeoutMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(
      () => request.destroy(new Error('sends its headers too slowly')),
      headerPatience * idleTimeoutMs,
    );
    const settle = (then: () => void): void => {
      clearTimeout(deadline);
      then();
    };
    request.once('response', (answer) => {
      answer.on('error', () => {}); // one that is given up has no other listener
      settle(() => resolve(answer));
    });
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      settle(() => reject(new Error('answered with another protocol')));
    });
    request.once('error', (error) => settle(() => reject(error)));
    // without effect after any of the others
    request.once('close', () => settle(() => reject(new Error('closed the connection without an answer'))));
    request.end();
  });
}

async function openTunnel(proxy: URL, url: URL, options: GetOptions): Promise<Socket> {
  const authority = `${url.hostname}:${url.port || 443}`;
  const request = start(
    proxy,
    { method: 'CONNECT', path: authority, headers: { host: authority, ...credentials('proxy-authorization', proxy) } },
    options,
  );
  request.end();
  const [answer, socket] = (await once(request, 'connect')) as [IncomingMessage, Socket];
  socket.on('error', () => {}); // the connection through the tunnel reports it
  if (answer.statusCode !== 200) {
    socket.destroy();
    throw new Error(
      `the proxy ${proxy.host} refuses to connect to ${authority}: ${answer.statusCode} ${answer.statusMessage}`,
    );
  }
  return socket;
}

function credentials(header: string, { username, password }: URL): Record<string, string> {
  if (username === '') return {};
  return {
    [header]: `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`,
  };
}

/** The host without the brackets of an IPv6 address. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
