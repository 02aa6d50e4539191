import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { listen } from './listen.js';

const host = '127.0.0.1';

test('a port is taken once, and later errors of its server are reported', async () => {
  const [first, second] = [createServer(), createServer()];
  const errors: string[] = [];
  const options = { host, advice: 'or 0 for a free one', onError: (error: Error) => void errors.push(error.message) };
  try {
    const port = await listen(first, { ...options, port: 0 });
    assert.ok(port > 0);
    await assert.rejects(listen(second, { ...options, port }), {
      code: 'PORT',
      message: `port ${port} on ${host} cannot be used: listen EADDRINUSE: address already in use ${host}:${port}. Choose another with --port, or 0 for a free one.`,
    });
    for (const message of ['accept EMFILE', 'accept ENFILE']) first.emit('error', new Error(message));
    assert.deepEqual(errors, ['accept EMFILE', 'accept ENFILE']);
  } finally {
    first.close();
    second.close();
  }
});
