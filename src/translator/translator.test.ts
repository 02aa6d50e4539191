import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { memory } from '@tensorflow/tfjs-core';
import { wordOf, writeReversingRun } from '../../test/reversingRun.js';
import { selectBackend } from '../backend/select.js';
import { UsageError } from '../errors.js';
import { Translator, type TranslatedLine } from './translator.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-translator-'));
after(() => rmSync(folder, { recursive: true }));

/** Sources of the fixture, and their translations by greedy search. */
const [first, second] = [
  [39, 11, 37, 25, 70, 87, 6, 58],
  [49, 37, 91, 95, 81, 77, 25, 18],
].map((ids) => ids.map(wordOf).join(' '));
const lines = [first, second, '', 'w36 w67', first, 'w50 w51 w52 w53 w54 w55 w56 w57 w59 w60', 'w36'];

const close = (a: number, b: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs(a - b) <= tolerance, `${what}: ${a} and ${b}`);

function sameLines(found: readonly TranslatedLine[], expected: readonly TranslatedLine[], tolerance = 1e-4): void {
  assert.deepEqual(
    found.map(({ nbest }) => nbest.map(({ text }) => text)),
    expected.map(({ nbest }) => nbest.map(({ text }) => text)),
  );
  found.forEach(({ nbest }, i) =>
    nbest.forEach(({ score, tokens }, rank) => {
      const other = expected[i].nbest[rank];
      close(score, other.score, `line ${i}, rank ${rank}`, tolerance);
      tokens.forEach(({ text, logProbability }, t) => {
        assert.equal(text, other.tokens[t].text);
        close(logProbability, other.tokens[t].logProbability, `line ${i}, rank ${rank}, token ${t}`, tolerance);
      });
    }),
  );
}

describe('Translator', () => {
  let run: string;
  let other: string;
  let translator: Translator;
  let tensorsBefore: number;
  before(async () => {
    await selectBackend('wasm');
    tensorsBefore = memory().numTensors;
    run = writeReversingRun(join(folder, 'run'), { settings: { 'decode.beamSize': 3 } });
    // somewhat different parameters
    other = writeReversingRun(join(folder, 'other'), {
      change: (_name, data) => data.map((value, i) => value * (1 + 0.05 * Math.sin(i))),
    });
    translator = await Translator.open(run);
  });

  test('raw text in, raw text out; words in, words out', async () => {
    const [raw] = await translator.translate(['Hund, w37 w25 w70 w87 w6.'], { beam: 1 });
    assert.equal(raw.text, 'W6 w87 w70 w25 w37, hund');
    assert.equal(raw.source, 'Hund, w37 w25 w70 w87 w6.');
    assert.deepEqual(raw.sourceTokens, [...first.split(' '), '</s>']);
    const [words] = await translator.translate([first], { beam: 1, form: 'words' });
    assert.equal(words.text, 'w6 w87 w70 w25 w37 , hund');
    close(words.score, raw.score, 'score');
    // the golden sum of the fixture, and derived scores
    close(raw.logProbability, -5.65127162029, 'log-probability');
    close(raw.score, -5.65127162029 / 8, 'score');
    assert.deepEqual(
      raw.tokens.map(({ text }) => text),
      ['w6', 'w87', 'w70', 'w25', 'w37', ',', 'hund', '</s>'],
    );
    close(
      raw.tokens.reduce((sum, { logProbability }) => sum + logProbability, 0),
      raw.logProbability,
      'sum over tokens',
      1e-9,
    );
    // tokenised text is tokenised again unless the form is `words`
    const [unchanged] = await translator.translate(['w36 &amp; w67'], { beam: 1 });
    assert.deepEqual(unchanged.sourceTokens, ['w36', '<unk>', '<unk>', '<unk>', 'w67', '</s>']);
  });

  test("omitted options are the run's; nbest gives the best first", async () => {
    assert.equal(translator.decode.beamSize, 3);
    assert.deepEqual(translator.languages, { src: 'de', trg: 'nl' });
    const [line] = await translator.translate([second], { nbest: 3, form: 'words' });
    assert.equal(line.nbest.length, 3);
    assert.equal(line.text, line.nbest[0].text);
    assert.ok(line.nbest[0].score >= line.nbest[1].score && line.nbest[1].score >= line.nbest[2].score);
    assert.equal(new Set(line.nbest.map(({ text }) => text)).size, 3);
    await assert.rejects(
      translator.translate([second], { nbest: 4 }),
      /^UsageError: nbest is 4, but a beam of 3 finds at most 3/,
    );
    const [sum] = await translator.translate([second], { lengthPenalty: 0, beam: undefined, form: 'words' });
    close(sum.score, sum.logProbability, 'without length penalty');
  });

  test("a line's translation does not depend on the others", async () => {
    const options = { nbest: 2, form: 'words' } as const;
    const together = await translator.translate(lines, options);
    assert.deepEqual([together[2].text, together[2].score, together[2].sourceTokens], ['', 0, ['</s>']]);
    for (const [i, line] of lines.entries()) sameLines(await translator.translate([line], options), [together[i]]);
    sameLines(await translator.translate(lines, { ...options, maxTokens: 12 }), together);
    sameLines((await translator.translate(lines.toReversed(), options)).reverse(), together);
  });

  test('overlapping calls give the results of separate calls', async () => {
    const alone = await translator.translate(lines, { form: 'words' });
    const [greedy] = await translator.translate([second], { beam: 1, form: 'words' });
    const found = await Promise.all([
      translator.translate(lines, { form: 'words' }),
      translator.translate([second], { beam: 1, form: 'words' }),
      translator.translate(lines.slice(0, 2), { form: 'words' }),
      translator.score([first], [second], { form: 'words' }),
    ]);
    sameLines(found[0], alone);
    sameLines(found[1], [greedy]);
    sameLines(found[2], alone.slice(0, 2));
  });

  test('a stream gives the same lines in order, reads no further than its window, and ends when its reader stops', async () => {
    const all = await translator.translate(lines, { form: 'words' });
    let read = 0;
    let ended = false;
    async function* source(): AsyncGenerator<string> {
      try {
        for (const line of [...lines, ...lines]) {
          read++;
          yield line;
          await Promise.resolve();
        }
      } finally {
        ended = true;
      }
    }
    const progress: number[] = [];
    const found: TranslatedLine[] = [];
    for await (const line of translator.stream(source(), {
      bufferLines: 3,
      form: 'words',
      onProgress: (done) => progress.push(done),
    })) {
      found.push(line);
      assert.ok(read <= 3 * Math.ceil(found.length / 3), `${read} read, ${found.length} given`);
    }
    sameLines(found, [...all, ...all]);
    assert.equal(progress.at(-1), 14);
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    );
    [read, ended] = [0, false];
    for await (const line of translator.stream(source(), { bufferLines: 2, form: 'words' })) {
      assert.equal(line.source, first);
      break;
    }
    assert.deepEqual([read, ended], [2, true]);
    await assert.rejects(translator.stream([], { bufferLines: 0 }).next(), /bufferLines is 0, expected an integer/);
  });

  test('score: forced decoding gives the log-probabilities of the beam, and those of other translations', async () => {
    const found = await translator.translate(lines, { nbest: 3, form: 'words' });
    for (const rank of [0, 1, 2]) {
      const given = found.map(({ nbest }) => nbest[Math.min(rank, nbest.length - 1)]);
      const scored = await translator.score(
        lines,
        given.map(({ text }) => text),
        { form: 'words', maxTokens: 24 },
      );
      scored.forEach(({ score, logProbability, tokens }, i) => {
        close(score, given[i].score, `line ${i}`);
        close(logProbability, given[i].logProbability, `line ${i}`);
        assert.equal(tokens.length, given[i].tokens.length);
        tokens.forEach((token, t) => {
          assert.equal(token.text, given[i].tokens[t].text);
          close(token.logProbability, given[i].tokens[t].logProbability, `line ${i}, token ${t}`);
        });
      });
    }
    const [raw] = await translator.score(['Hund, w37 w25 w70 w87 w6.'], ['W6 w87 w70 w25 w37, hund']);
    close(raw.logProbability, -5.65127162029, 'raw text');
    const [worse] = await translator.score([first], [second], { form: 'words' });
    assert.ok(worse.logProbability < -20);
    await assert.rejects(translator.score(['a', 'b'], ['c']), /there are 2 source lines and 1 target lines/);
  });

  test('attention: the tokens of a reversed sentence attend to source tokens in reverse order', async () => {
    const [line] = await translator.translate([second], { beam: 1, form: 'words', attention: true });
    const { attention = [], tokens, sourceTokens } = line;
    assert.equal(attention.length, tokens.length);
    const strongest = attention.map((row) => {
      assert.equal(row.length, sourceTokens.length);
      close(
        row.reduce((sum, share) => sum + share, 0),
        1,
        'sum of a row',
      );
      return sourceTokens[row.indexOf(Math.max(...row))];
    });
    const aligned = tokens.filter(({ text }, t) => text === strongest[t]).length;
    assert.ok(aligned >= 5, `${strongest.join(' ')} for ${line.text}`);
    const [scored] = await translator.score([second], [line.text], { form: 'words', attention: true });
    scored.attention!.forEach((row, t) =>
      row.forEach((share, s) => close(share, attention[t][s], `attention ${t}, ${s}`)),
    );
    const [{ attention: without }] = await translator.translate([second], { form: 'words' });
    assert.equal(without, undefined);
  });

  test('an abort ends a call with its reason, and not another one', async () => {
    const controller = new AbortController();
    const stopped = translator.translate(lines, {
      form: 'words',
      maxSentences: 1,
      signal: controller.signal,
      onProgress: (done) => {
        if (done > 2) controller.abort(new Error('enough'));
      },
    });
    const other = translator.translate(lines, { form: 'words' });
    await assert.rejects(stopped, /^Error: enough$/);
    assert.equal((await other).length, lines.length);
    await assert.rejects(translator.score(lines, lines, { signal: controller.signal }), /enough/);
  });

  test('long lines are cut and marked; a line with a line feed is refused', async () => {
    const found = await translator.translate([first, 'w36 w67'], { form: 'words', maxSourceTokens: 4 });
    assert.deepEqual(
      found.map(({ truncated }) => truncated),
      [true, false],
    );
    assert.deepEqual(found[0].sourceTokens, ['hund', ',', 'w37', '</s>']);
    await assert.rejects(translator.translate(['a', 'b\nc']), /^UsageError: line 2 holds a line feed: "b\\nc"\. /);
  });

  test('an ensemble of one model twice equals the model', async () => {
    const twice = await Translator.open([run, run]);
    const options = { nbest: 3, form: 'words' } as const;
    sameLines(await twice.translate(lines, options), await translator.translate(lines, options));
    sameLines(
      await twice.translate([second], { ...options, attention: true }),
      await translator.translate([second], options),
    );
    await twice.close();
  });

  test('an ensemble chooses by the mean of probabilities', async () => {
    const ensemble = await Translator.open([run, other]);
    const single = await Translator.open(other);
    const text = 'w50 w51 w52 w53 w54 w55 w56 w57 w59 w60';
    const greedy = { beam: 1, form: 'words' } as const;
    for (const source of [first, second, text, 'w36']) {
      const [found] = await ensemble.translate([source], greedy);
      const [a, b, together] = await Promise.all(
        [translator, single, ensemble].map(async (each) => (await each.score([source], [found.text], greedy))[0]),
      );
      found.tokens.forEach(({ logProbability }, t) => {
        const mean = (Math.exp(a.tokens[t].logProbability) + Math.exp(b.tokens[t].logProbability)) / 2;
        close(Math.exp(logProbability), mean, `token ${t} of ${found.text}`);
        close(together.tokens[t].logProbability, logProbability, `forced token ${t}`);
      });
      // no other word would have had a greater mean at the first place
      const words = Array.from({ length: 93 }, (_, i) => wordOf(i + 4));
      const firstOf = async (each: Translator): Promise<number[]> =>
        (
          await each.score(
            words.map(() => source),
            words,
            { form: 'words' },
          )
        ).map(({ tokens }) => Math.exp(tokens[0].logProbability));
      const [ofA, ofB] = [await firstOf(translator), await firstOf(single)];
      const means = ofA.map((p, i) => (p + ofB[i]) / 2);
      assert.equal(words[means.indexOf(Math.max(...means))], found.tokens[0].text);
    }
    await ensemble.close();
    await single.close();
  });

  test('models that cannot translate together are refused', async () => {
    const start = memory().numTensors;
    const named = writeReversingRun(join(folder, 'named'), { words: (id) => (id === 30 ? 'x30' : wordOf(id)) });
    await assert.rejects(Translator.open([run, named]), (error: UsageError) => {
      assert.ok(error instanceof UsageError);
      assert.match(
        error.message,
        /run and .*named cannot translate together: their target vocabularies differ \(entry 30 is "w30" and "x30"\)\. Name models that were trained on the same prepared corpus\.$/,
      );
      return true;
    });
    const plain = writeReversingRun(join(folder, 'plain'), { preprocess: false });
    await assert.rejects(
      Translator.open([run, plain]),
      /their text is preprocessed or split into subwords in different/,
    );
    assert.equal(memory().numTensors, start);
  });

  test('a checkpoint without a run finds the text next to it; other files are refused', async () => {
    const checkpoint = await Translator.open(join(run, 'checkpoints/best.safetensors'));
    assert.equal(checkpoint.languages, undefined);
    assert.equal(checkpoint.decode.beamSize, 5);
    assert.equal(
      (await checkpoint.translate([first], { beam: 1, form: 'words' }))[0].text,
      'w6 w87 w70 w25 w37 , hund',
    );
    await checkpoint.close();
    mkdirSync(join(folder, 'empty'));
    mkdirSync(join(folder, 'browser/onnx'), { recursive: true });
    for (const [path, message] of [
      [join(folder, 'missing'), /missing does not exist\. Name the folder of a run, or a checkpoint/],
      [join(folder, 'empty'), /empty is not a model: it has no config\.yaml and no checkpoint/],
      [join(folder, 'browser'), /browser is an export for Transformers\.js, which coldstart cannot translate with/],
    ] as const)
      await assert.rejects(Translator.open(path), message);
    await assert.rejects(Translator.open([]), /there is no model to open/);
    await assert.rejects(Translator.open(run, { use: 'last' }), /has no last checkpoint/);
  });

  test('close waits for current translations, leaves no tensor, and ends the translator', async () => {
    const last = translator.translate(lines, { form: 'words' });
    await translator.close();
    assert.equal((await last).length, lines.length);
    assert.equal(memory().numTensors, tensorsBefore);
    await assert.rejects(translator.translate(['a']), /the translator is closed/);
    await translator.close();
  });
});
