import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonAny, jsonObject, parseJson, sealedJson } from './jsonFile.js';

const shape = jsonObject({ a: jsonAny });
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

test('values nested too deep to be written again are refused, with and without a checksum', () => {
  for (const depth of [201, 5_000, 200_000])
    for (const end of ['', ',"crc32":"00000000"'])
      assert.throws(() => parseJson(`{"a":${nested(depth)}${end}}`, shape, 'm.json', 'Make it again.'), {
        name: 'DataError',
        message: 'm.json has values more than 200 levels deep. Is it the right file? Make it again.',
      });
  const value = { a: JSON.parse(nested(199)) as unknown };
  assert.deepEqual(parseJson(sealedJson(value), shape, 'm.json', ''), value);
});

test('a checksum does not depend on white space, and every value counts', () => {
  const value = { b: -0.1e-7, a: 'ü\ud800', 10: [1, null, { x: true }], 2: {} };
  const own = jsonObject({});
  for (const indent of [undefined, 2]) assert.deepEqual(parseJson(sealedJson(value, indent), own, 'f', ''), value);
  assert.throws(() => parseJson(sealedJson(value).replace('true', 'false'), own, 'f', 'Advice.'), {
    message:
      /^f was changed or damaged after it was written: .* Advice\. If you changed it on purpose, remove that field\.$/,
  });
});
