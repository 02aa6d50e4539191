import type { IncomingMessage } from 'node:http';
import { RequestError } from './requestError.js';

/**
 * The body of a request, of bounded size. Clients that send too slowly are ended by the server's own time limit.
 *
 * @throws RequestError 413 if it is longer, 400 if the client went away before its end
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = (): RequestError =>
    new RequestError(413, `Invalid request: the body is larger than ${maxBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > maxBytes) throw tooLarge();
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError(400, 'Invalid request: the body ended early');
  }
  return Buffer.concat(parts);
}
