import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bleu, type BleuOptions } from '../src/score/bleu.js';
import { chrf } from '../src/score/chrf.js';
import { formatScore } from '../src/score/formatScore.js';
import { corpusStatistics, sumLines, type Metric, type Score } from '../src/score/metric.js';
import { formatSignature, signatureFields } from '../src/score/signature.js';
import { ter } from '../src/score/ter/ter.js';
import { referencePath } from './reference.js';

/** For tests: what sacreBLEU 2.6.0 itself gave. */
const folder = referencePath('text/sacrebleu');

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;
}

export interface FixtureSet {
  readonly hyps: string[];
  readonly refs: (string | null)[][];
}

export function readSets(): Record<string, FixtureSet> {
  return readFixture<{ sets: Record<string, FixtureSet> }>('sets.json').sets;
}

export const fixtureVersion = '2.6.0';

/** Options in sacreBLEU's names, as ours: `smooth_method` is `smoothMethod`. */
export function optionsOf<T>(options: Record<string, unknown>): T {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ) as T;
}

export function metricOf(name: string, options: Record<string, unknown>): Metric {
  if (name.startsWith('bleu')) return bleu(optionsOf<BleuOptions>(options));
  return name.startsWith('chrf') ? chrf(optionsOf(options)) : ter(optionsOf(options));
}

export function assertClose(found: number, expected: number, what: string, tolerance = 1e-9): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${what}: found ${found}, expected ${expected}`);
}

/** What sacreBLEU prints of a score. */
export interface PrintedScore {
  readonly signature: string;
  readonly signature_short: string;
  readonly formatted: string;
}

/** The corpus's score, whose signatures and line are asserted. */
export function scoreAndCheckPrint<S extends Score>(
  metric: Metric<S>,
  { hyps, refs }: FixtureSet,
  expected: PrintedScore,
): S {
  const statistics = corpusStatistics(metric, hyps, refs);
  const score = metric.scoreOf(sumLines(statistics));
  const fields = signatureFields(metric.signatureFields, { numRefs: statistics.numRefs, version: fixtureVersion });
  assert.equal(formatSignature(fields), expected.signature);
  assert.equal(formatSignature(fields, 'short'), expected.signature_short);
  assert.equal(formatScore({ metric, score, fields }), expected.formatted);
  return score;
}
