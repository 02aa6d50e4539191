import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatCount } from '../../counted.js';
import { formatDuration, formatLoss, formatNumber } from '../../format.js';
import { ProgressBar } from './progressBar.js';

/** A terminal or file that keeps what is written, and a clock that stands until it is moved. */
function stage(isTTY: boolean, columns = 100) {
  const written: string[] = [];
  const clock = { ms: 0 };
  return {
    written,
    clock,
    stream: { isTTY, columns, write: (text: string) => written.push(text) },
    now: () => clock.ms,
  };
}

describe('progress bar', () => {
  test('redraws one line on a terminal, at most ten times a second, with the time left', () => {
    const { written, clock, stream, now } = stage(true);
    const progress = new ProgressBar({ label: 'translate', total: 1000, unit: 'sentences', stream, now });
    clock.ms = 2000;
    progress.update(100, 'beam 5');
    clock.ms = 2050;
    progress.update(150);
    clock.ms = 4000;
    progress.update(500);
    progress.log('a line that stays');
    clock.ms = 8000;
    progress.update(1000);
    progress.finish();
    assert.deepEqual(written, [
      '\rtranslate  [##..................]  100/1,000 sentences  beam 5\x1b[K',
      '\rtranslate  [##########..........]  500/1,000 sentences  4.0s left\x1b[K',
      '\r\x1b[K',
      'a line that stays\n',
      '\rtranslate  [####################]  1,000/1,000 sentences  8.0s\x1b[K',
      '\r\x1b[K',
      'translate  [####################]  1,000/1,000 sentences  8.0s\n',
    ]);
  });

  test('never fills a narrow terminal', () => {
    const { written, clock, stream, now } = stage(true, 20);
    clock.ms = 500;
    new ProgressBar({ label: 'a long label', total: 10, unit: 'sentences', stream, now }).update(5);
    assert.deepEqual(written, ['\ra long label\x1b[K']);
  });

  test('drops whole fields, the last first, where the terminal is narrow', () => {
    const shown = [80, 60, 57, 56, 40].map((columns) => {
      const { written, clock, stream, now } = stage(true, columns);
      const progress = new ProgressBar({ label: 'train', total: 100, unit: 'updates', stream, now });
      clock.ms = 5000;
      progress.update(50, 'loss 4.310  lr 5.33e-7');
      return written[0].slice(1, -3);
    });
    const all = 'train  [##########..........]  50/100 updates  5.0s left  loss 4.310  lr 5.33e-7';
    assert.equal(all.length, 80);
    assert.deepEqual(shown, [all.slice(0, 68), all.slice(0, 56), all.slice(0, 56), all.slice(0, 45), all.slice(0, 29)]);
  });

  test('writes whole lines now and then where there is no terminal', () => {
    const { written, clock, stream, now } = stage(false);
    const progress = new ProgressBar({ label: 'prepare', unit: 'lines', stream, now, lineEverySeconds: 5 });
    for (clock.ms = 1000; clock.ms <= 12_000; clock.ms += 1000) progress.update(clock.ms);
    progress.finish();
    assert.deepEqual(written, [
      'prepare  5,000 lines  5.0s\n',
      'prepare  10,000 lines  10s\n',
      'prepare  12,000 lines  12s\n',
    ]);
  });

  test('a resumed task is timed by what it did itself', () => {
    const { written, clock, stream, now } = stage(true);
    const progress = new ProgressBar({ label: 'train', total: 1000, unit: 'updates', startAt: 800, stream, now });
    clock.ms = 10_000;
    progress.update(900);
    assert.match(written[0], /10s left/);
  });
});

test('numbers read well', () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(formatCount), ['0', '999', '1,000', '1,234,567']);
  assert.deepEqual([0.04, 9.94, 9.96, 59.4, 59.6, 187, 3599.7, 7500, 273600].map(formatDuration), [
    '0.0s',
    '9.9s',
    '10s',
    '59s',
    '1m00s',
    '3m07s',
    '1h00m',
    '2h05m',
    '3d04h',
  ]);
  assert.deepEqual(
    [0, 0.005, 4.1234e-7, 1e-4, 33.123, 148.41, 5432.1, 123456, 1e100, Infinity].map((value) => formatNumber(value)),
    ['0', '0.005', '4.12e-7', '1e-4', '33.1', '148.4', '5432', '1.23e5', '1e100', 'Infinity'],
  );
  assert.deepEqual(
    [54321.4, 0.01234567, 4.31049, 9e22].map((value) => formatNumber(value, 4)),
    ['54321', '0.01235', '4.31', '9e22'],
  );
  assert.deepEqual(
    [4.31, 1.9302723871873334e23, NaN, Infinity].map((value) => formatLoss(value)),
    ['4.310', '1.93e23', 'NaN', 'Infinity'],
  );
});
