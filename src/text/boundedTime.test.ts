import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError } from '../errors.js';
import { mapWithinTime, withinTime } from './boundedTime.js';

test('a match that would take for ever is interrupted, and says whose pattern met which text', () => {
  const hostile = `${'a'.repeat(60)}b`;
  const matches = (text: string): boolean => /^(a+)+$/.test(text);
  assert.throws(
    () =>
      withinTime(
        'all lines',
        'first',
        () => ['aaa', hostile].map((text) => withinTime('(a+)+', text, () => matches(text))),
        0.2,
      ),
    (error: Error) =>
      error instanceof DataError &&
      error.message.startsWith(`(a+)+ took more than 0.2 seconds on the text "${hostile}"`) &&
      error.message.includes('write it without'),
  );
  assert.equal(
    withinTime('(a+)+', 'aaa', () => matches('aaa')),
    true,
  ); // the clock is free again
});

test('results and errors of the work reach the caller, for more lines than one clock watches', () => {
  const lines = Array.from({ length: 200 }, (_, index) => String(index));
  assert.deepEqual(
    mapWithinTime('numbers', lines, Number),
    lines.map((_, index) => index),
  );
  assert.throws(
    () =>
      mapWithinTime('numbers', ['x'], () => {
        throw new RangeError('as thrown');
      }),
    RangeError,
  );
});
