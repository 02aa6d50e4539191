import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatScore } from './formatScore.js';
import { corpusStatistics, sumLines } from './metric.js';
import { NumpyRandom, seedWords } from '../random/numpyRandom.js';
import { assertClose, fixtureVersion, metricOf, readFixture, readSets } from '../../test/sacrebleuFixtures.js';
import { signatureFields } from './signature.js';
import { bootstrap, confidenceOf, drawResamples, pairedTest, resampledScores } from './significance.js';

interface Generator {
  seed: string;
  seed_sequence_uint32: number[];
  raw_uint64: string[];
  double: number[];
  choice: { n: number; first: number[] }[];
  bool_mask: { shape: number[]; bits: string };
  mask_then_choice: { mask_shape: number[]; mask: string; choice_n: number; choice: number[] };
}

const bits = (words: Uint32Array, count: number): string =>
  Array.from({ length: count }, (_, i) => (words[Math.floor(i / 32)] >>> (i % 32)) & 1).join('');

test("random numbers equal NumPy's", () => {
  const { generators } = readFixture<{ generators: Generator[] }>('numpy_rng.json');
  for (const {
    seed: text,
    seed_sequence_uint32: words,
    raw_uint64: raw,
    double,
    choice,
    bool_mask: mask,
    mask_then_choice: both,
  } of generators) {
    const seed = BigInt(text);
    assert.deepEqual([...seedWords(seed, words.length)], words);
    let random = new NumpyRandom(seed);
    for (const expected of raw) {
      const { low, high } = random.uint64();
      assert.equal(String((BigInt(high) << 32n) | BigInt(low)), expected);
    }
    random = new NumpyRandom(seed);
    assert.deepEqual(
      double.map(() => random.double()),
      double,
    );
    for (const { n, first } of choice)
      assert.deepEqual([...new NumpyRandom(seed).integers(n, first.length)], first, `range ${n}`);
    const size = mask.shape[0] * mask.shape[1];
    assert.equal(bits(new NumpyRandom(seed).booleans(size), size), mask.bits);
    random = new NumpyRandom(seed);
    const maskSize = both.mask_shape[0] * both.mask_shape[1];
    assert.equal(bits(random.booleans(maskSize), maskSize), both.mask);
    assert.deepEqual([...random.integers(both.choice_n, both.choice.length)], both.choice);
  }
  assert.equal(generators.length, 6);
  assert.throws(() => new NumpyRandom(-1), /seed is -1, expected an integer of at least 0/);
});

interface Bootstrap {
  system?: string;
  set?: string;
  metric: string;
  options: Record<string, unknown>;
  n_bootstrap: number;
  seed: number;
  score: number;
  mean: number;
  ci: number;
  mean_float64: number;
  ci_float64: number;
  first_resample_scores_float64: number[];
  formatted: string;
}

test("bootstrap confidence equals sacreBLEU's", () => {
  const sets = readSets();
  const systems = readFixture<{ refs: string[][] } & Record<string, string[]>>('systems.json');
  const { bootstrap: cases } = readFixture<{ bootstrap: Bootstrap[] }>('significance.json');
  for (const c of cases) {
    const what = `${c.system ?? c.set} ${c.metric} ${c.n_bootstrap}`;
    const { hyps, refs } = c.set ? sets[c.set] : { hyps: systems[c.system!], refs: systems.refs };
    const metric = metricOf(c.metric, c.options);
    const statistics = corpusStatistics(metric, hyps, refs);
    const score = metric.scoreOf(sumLines(statistics));
    assertClose(score.score, c.score, what);
    const confidence = bootstrap(metric, statistics, { numSamples: c.n_bootstrap, seed: c.seed });
    assertClose(confidence.mean, c.mean_float64, `${what} mean`);
    assertClose(confidence.ci, c.ci_float64, `${what} ci`);
    assertClose(confidence.mean, c.mean, `${what} mean`, c.metric.startsWith('bleu') ? 1e-9 : 1e-5);
    assertClose(confidence.ci, c.ci, `${what} ci`, c.metric.startsWith('bleu') ? 1e-9 : 1e-5);
    const first = resampledScores(metric, statistics, drawResamples(statistics.numLines, 10, new NumpyRandom(c.seed)));
    first.forEach((value, i) => assertClose(value, c.first_resample_scores_float64[i], `${what} resample ${i}`));
    const fields = signatureFields(metric.signatureFields, {
      numRefs: statistics.numRefs,
      numResamples: c.n_bootstrap,
      seed: c.seed,
      version: fixtureVersion,
    });
    assert.equal(formatScore({ metric, score, fields, confidence }), c.formatted);
  }
  assert.ok(cases.length >= 20);
});

interface PairedSystem {
  score: number;
  p_value: number | null;
  p_value_float64?: number;
  mean: number | null;
  ci: number | null;
  mean_float64?: number;
  ci_float64?: number;
}
interface Paired {
  test: 'bs' | 'ar';
  n_samples: number;
  n_ar_confidence: number;
  seed: number;
  metrics: string[];
  expected: { systems: ({ system: string } & Record<string, PairedSystem>)[] };
}

test("paired tests equal sacreBLEU's", () => {
  const texts = readFixture<{ refs: string[][] } & Record<string, string[]>>('systems.json');
  const { paired } = readFixture<{ paired: Paired[] }>('significance.json');
  const metrics = new Map(
    ['bleu', 'chrf', 'ter'].map((name) => {
      const metric = metricOf(name, {});
      return [
        name,
        {
          metric,
          systems: ['sysA', 'sysB', 'sysC', 'sysD'].map((system) =>
            corpusStatistics(metric, texts[system], texts.refs),
          ),
        },
      ];
    }),
  );
  for (const {
    test: kind,
    n_samples: numSamples,
    n_ar_confidence: numConfidence,
    seed,
    metrics: names,
    expected,
  } of paired) {
    assert.deepEqual(
      expected.systems.map(({ system }) => system),
      ['sysA', 'sysB', 'sysC', 'sysD'],
    );
    const results = pairedTest(
      names.map((name) => metrics.get(name)!),
      { test: kind, numSamples, numConfidenceSamples: Math.max(0, numConfidence), seed },
    );
    names.forEach((name, m) => {
      const { metric } = metrics.get(name)!;
      results[m].forEach(({ score, pValue, confidence }, s) => {
        const what = `${kind} ${numSamples} ${metric.name} ${expected.systems[s].system}`;
        const wanted = expected.systems[s][metric.name];
        assertClose(score, wanted.score, what);
        assert.equal(pValue ?? null, wanted.p_value, `${what} p`);
        if (wanted.mean === null) return assert.equal(confidence, undefined);
        const tolerance = wanted.mean_float64 !== undefined || name === 'bleu' ? 1e-9 : 1e-5;
        assertClose(confidence!.mean, wanted.mean_float64 ?? wanted.mean, `${what} mean`, tolerance);
        assertClose(confidence!.ci, wanted.ci_float64 ?? wanted.ci!, `${what} ci`, tolerance);
      });
    });
  }
  assert.equal(paired.length, 5);
});

test('known answers', () => {
  assert.deepEqual([...new NumpyRandom(1).integers(1, 3)], [0, 0, 0]);
  // of 80 scores two are cut at either end
  const { mean, ci } = confidenceOf(Float64Array.from({ length: 80 }, (_, i) => 79 - i));
  assert.deepEqual([mean, ci], [39.5, (77 - 2) / 2]);
});

test('a system against itself, and systems that differ in one line', () => {
  const metric = metricOf('bleu', {});
  const refs = ['the cat sat on the mat', 'a dog ran far away from it', 'birds can fly high up there'];
  const first = corpusStatistics(metric, refs, [refs]);
  const second = corpusStatistics(metric, [refs[0], refs[1], 'birds can sing high up there'], [refs]);
  for (const kind of ['bs', 'ar'] as const) {
    assert.equal(
      pairedTest([{ metric, systems: [first, first] }], { test: kind, numSamples: 50 })[0][1].pValue,
      1 / 51,
    );
    // exchanging the only different line does not change the absolute difference: no shuffle exceeds it
    if (kind === 'ar')
      assert.equal(
        pairedTest([{ metric, systems: [first, second] }], { test: kind, numSamples: 50 })[0][1].pValue,
        1 / 51,
      );
  }
  assert.throws(
    () => pairedTest([{ metric, systems: [first, corpusStatistics(metric, ['a'], [['a']])] }], { test: 'bs' }),
    /baseline has 3 lines, another system 1/,
  );
});
