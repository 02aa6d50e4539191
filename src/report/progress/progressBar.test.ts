import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatCount } from '../../counted.js';
import { formatDuration, formatLoss, formatNumber } from '../../format.js';
import { displayWidth } from '../text/displayWidth.js';
import { ProgressBar, progressOutput } from './progressBar.js';

/** A terminal or file that keeps what is written, and a clock that moves only when set. */
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
    assert.deepEqual(shown, [
      'train  [#####.....]  50/100 updates  5.0s left  loss 4.310  lr 5.33e-7',
      'train  [#####.....]  50/100 updates  5.0s left  loss 4.310',
      'train  [#####.....]  50/100 updates  5.0s left',
      'train  [#####.....]  50/100 updates  5.0s left',
      'train  50/100 updates  5.0s left',
    ]);
  });

  test('permanent lines fit too: the last state drops fields, a line is broken between fields and words', () => {
    const { written, stream, now } = stage(true, 40);
    const progress = new ProgressBar({ label: 'train', total: 100, unit: 'updates', stream, now });
    progress.log('validate  update 1,000/2,000  epoch 10.5  loss 1.234  BLEU 33.20');
    progress.log('model     494,528 parameters: 4+4 layers, d 64, ffn 128');
    progress.log(`run       ${'a/'.repeat(30)}`);
    progress.update(100, 'loss 4.310  lr 5.33e-7');
    progress.finish();
    assert.deepEqual(written, [
      'validate  update 1,000/2,000\n          epoch 10.5  loss 1.234\n          BLEU 33.20\n',
      'model     494,528 parameters: 4+4\n          layers, d 64, ffn 128\n',
      `run       ${'a/'.repeat(30)}\n`,
      '\rtrain  100/100 updates  0.0s\x1b[K',
      '\r\x1b[K',
      'train  100/100 updates  0.0s\n',
    ]);
  });

  test('wide characters take two columns; characters that move the cursor are not shown', () => {
    assert.deepEqual(
      ['a\u0308b', '\u65e5\u672c', '\uac00', '\u{1f600}', '\u2192', '\uff21'].map(displayWidth),
      [2, 4, 2, 2, 1, 2],
    );
    const { written, stream, now } = stage(true, 30);
    const progress = new ProgressBar({ label: '\u65e5\u672c\u8a9e', total: 10, unit: 'lines', stream, now });
    progress.update(5, '\u8a9e\u8a9e\u8a9e  a');
    progress.log('a\tb\x1b[2J\x07\u009b');
    assert.deepEqual(written, [
      '\r\u65e5\u672c\u8a9e  5/10 lines  \u8a9e\u8a9e\u8a9e  a\x1b[K',
      '\r\x1b[K',
      'a b [2J  \n',
    ]);
  });

  test('a terminal that became narrower has broken the line into several: all of them are drawn over', () => {
    const { written, clock, stream, now } = stage(true, 80);
    const progress = new ProgressBar({ label: 'train', total: 100, unit: 'updates', stream, now });
    progress.update(50, 'loss 4.310'); // 57 columns
    stream.columns = 20;
    clock.ms = 1000;
    progress.update(60, 'loss 4.310');
    clock.ms = 2000;
    progress.update(70, 'loss 4.310');
    assert.deepEqual(written.slice(1), ['\x1b[2A\r\x1b[Jtrain\x1b[K', '\rtrain\x1b[K']);
  });

  test('a terminal that cannot redraw, and continuous integration, get whole lines', () => {
    assert.deepEqual(
      [{ TERM: 'dumb' }, { CI: 'true' }, { CI: '1', TERM: 'xterm' }].map((env) => progressOutput(env).isTTY),
      [false, false, false],
    );
    assert.deepEqual(
      [{}, { TERM: 'xterm', NO_COLOR: '1' }, { CI: 'false' }, { CI: '' }].map(
        (env) => progressOutput(env) === process.stderr,
      ),
      [true, true, true, true],
    );
  });

  test('writes whole lines at intervals without a terminal', () => {
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

  test('counts one unit in the singular', () => {
    const { written, clock, stream, now } = stage(false);
    const progress = new ProgressBar({ label: 'translate', unit: 'sentences', stream, now });
    clock.ms = 1000;
    progress.update(1);
    progress.finish();
    assert.deepEqual(written, ['translate  1 sentence  1.0s\n']);
  });

  test('a resumed task is timed by the work of this process', () => {
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
    [4.31, 1.9302723871873334e23, NaN, Infinity, 0, 0.0005, 2.1e-5, -2, -1e12].map((value) => formatLoss(value)),
    ['4.310', '1.93e23', 'NaN', 'Infinity', '0.000', '0.001', '2.1e-5', '-2.000', '-1e12'],
  );
});
