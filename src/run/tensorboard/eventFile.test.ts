import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEvents } from '../../../test/eventReader.js';
import { histogramOf } from './event.js';
import { EventFile } from './eventFile.js';
import { crc32c, tfRecord } from './record.js';

test('checksums are those of RFC 3720 and of the start of any event file', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
  assert.equal(Buffer.from(tfRecord(new Uint8Array(24)).subarray(0, 12)).toString('hex'), '1800000000000000a37f4b22');
});

test('scalars, histograms and restarts are read back by another reader', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-events-'));
  const first = new EventFile(folder, 0);
  first.scalars(10, { 'train/loss': 2.5, 'train/lr': 0.001 });
  first.histograms(300, new Map([['params/w', Float32Array.of(-1, 0, 1, 1)]]));
  const [version, scalars, histograms] = readEvents(first.path);
  assert.equal(version.file_version, 'brain.Event:2');
  assert.ok(Math.abs(version.wall_time - Date.now() / 1000) < 60);
  assert.equal(scalars.step, 10);
  assert.deepEqual(scalars.summary?.value, [
    { tag: 'train/loss', simple_value: 2.5 },
    { tag: 'train/lr', simple_value: Math.fround(0.001) },
  ]);
  assert.equal(histograms.step, 300);
  const { histo } = histograms.summary!.value[0];
  assert.deepEqual(
    { min: histo!.min, max: histo!.max, num: histo!.num, sum: histo!.sum, squares: histo!.sum_squares },
    { min: -1, max: 1, num: 4, sum: 1, squares: 3 },
  );
  assert.deepEqual(
    (histo!.bucket as number[])
      .map((count, i) => [count, (histo!.bucket_limit as number[])[i]])
      .filter(([count]) => count > 0),
    [
      [1, -1 + 1 / 16],
      [1, 0],
      [2, 1],
    ],
  );

  const second = new EventFile(folder, 250);
  const [, restart] = readEvents(second.path);
  assert.deepEqual([restart.step, restart.session_log?.status], [251, 'START']);
  assert.ok(second.path > first.path);
});

test('of many values a histogram takes at most 65,536, from every column of a matrix', () => {
  const columns = 512;
  const values = Float32Array.from({ length: 1000 * columns }, (_, i) => i % columns);
  const { min, max, count, sum, sumSquares, counts } = histogramOf(values);
  assert.equal(count, Math.ceil(512_000 / 9)); // 512,000 / 65,536 = 7.8: every 9th
  assert.deepEqual([min, max, counts.reduce((a, b) => a + b)], [0, 511, count]);
  assert.ok(
    Math.abs(sum / count - 255.5) < 0.1 && Math.abs(sumSquares / count - (511 * 1023) / 6) < 50,
    `${sum / count}`,
  );
});

test('a histogram of equal values has one bucket', () => {
  assert.deepEqual(histogramOf([3, 3]), { min: 3, max: 3, count: 2, sum: 6, sumSquares: 18, limits: [3], counts: [2] });
});
