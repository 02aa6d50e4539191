import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtinTextYaml } from '../../test/builtinText.js';
import { noPseudoTerminal, onTerminal, shownLines } from '../../test/pseudoTerminal.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const coldstart = `"${process.execPath}" "${program}"`;
const folder = mkdtempSync(join(tmpdir(), 'coldstart-terminal-'));
after(() => rmSync(folder, { recursive: true }));

const bytes = (...path: string[]): Buffer => readFileSync(join(folder, ...path));
const shell = (command: string, input = '') =>
  spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8', input });

function ok(command: string, input = ''): string {
  const { status, stdout, stderr } = shell(command, input);
  assert.equal(status, 0, stderr);
  return stdout;
}

before(() => {
  ok(`${coldstart} corpus synth --out text --pairs 300 --valid-pairs 10 --test-pairs 20`);
  writeFileSync(
    join(folder, 'my.yaml'),
    `
seed: 5
backend: wasm
${builtinTextYaml}  subwords: { method: none, joiner: "" }
model: { dModel: 16, dFf: 32, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1 }
train: { lr: 1e-2, warmupUpdates: 10, maxUpdates: 120, maxTokens: 400, validateEveryUpdates: 60, logEveryUpdates: 20 }
decode: { beamSize: 2, maxLenA: 1, maxLenB: 2, bleu: tokenised }
ablation: { baseline: one, arms: { one: {} } }
`,
  );
  ok(`${coldstart} corpus prepare -c my.yaml`);
  ok(`${coldstart} train -c my.yaml --run unbroken`);
});

function assertSameRun(run: string): void {
  for (const name of ['test.hyp', 'checkpoints/best.safetensors'])
    assert.deepEqual(bytes(run, name), bytes('unbroken', name), `${run}/${name}`);
}

/** The status that a command wrote when it ended, which is after its terminal was closed. */
async function statusIn(file: string): Promise<string> {
  const path = join(folder, file);
  for (let tries = 0; tries < 2400; tries++, await sleep(50)) {
    if (existsSync(path) && readFileSync(path, 'utf8').endsWith('\n')) return readFileSync(path, 'utf8').trim();
  }
  return `no status in ${file} after two minutes`;
}

describe('on a terminal', { skip: noPseudoTerminal }, () => {
  test('train at 80 and 50 columns: every field of the redrawn line is whole, and no line is wider', async () => {
    const fields = [
      /^(gradients|train|validate|test)$/,
      /^\[#*\.*\]$/,
      /^[\d,]+\/[\d,]+ (batches|updates|sentences)$/,
      /^(\d\.\ds|\d+s|\d+m\d\ds)( left)?$/,
      /^epoch \d+$/,
      /^loss \d+\.\d{3}$/,
      /^ppl [\d.e]+$/,
      /^lr [\d.]+(e-\d+)?$/,
      /^gnorm [\d.]+$/,
      /^[\d,]+ tok\/s$/,
    ];
    const widest: number[] = [];
    for (const columns of [80, 50]) {
      const run = `columns-${columns}`;
      const { status, shown } = await onTerminal(`${coldstart} train -c my.yaml --run ${run}`, {
        cwd: folder,
        columns,
      });
      assert.equal(status, 0, shown);
      const { redrawn, kept } = shownLines(shown);
      assert.ok(redrawn.some((line) => line.startsWith('train  [')));
      for (const line of redrawn) {
        for (const field of line.split('  '))
          assert.ok(
            fields.some((pattern) => pattern.test(field)),
            `"${field}" of "${line}"`,
          );
      }
      widest.push(Math.max(...redrawn.map((line) => line.length)));
      // standard output has the last line unbroken, so that it can be copied
      const ofStandardError = kept.slice(0, -1);
      assert.deepEqual(
        ofStandardError.filter((line) => line.length >= columns && line.trim().includes(' ')),
        [],
      );
      assert.match(kept.at(-1)!, /^BLEU [\d.]+ \(.*scores\.json$/);
      assertSameRun(run);
    }
    assert.ok(widest[0] > 60 && widest[0] < 80 && widest[1] < 50, widest.join());
  });

  test('a terminal that cannot redraw, or a log of continuous integration, gets only whole lines', async () => {
    for (const env of [{ TERM: 'dumb' }, { CI: 'true' }]) {
      const { status, shown } = await onTerminal(
        `${coldstart} translate --run unbroken --output out.txt <text/test.de`,
        {
          cwd: folder,
          columns: 80,
          env,
        },
      );
      rmSync(join(folder, 'out.txt'));
      assert.equal(status, 0, shown);
      assert.match(shown, /^translate {2}20 sentences {2}[\d.]+s\r\n$/);
    }
  });

  test('translate: a prompt at a terminal, and each line is followed only by its translation', async () => {
    const typedLines = ['heute Morgen hat dieser', 'diese Frau'];
    const piped = shell(`${coldstart} translate --run unbroken`, typedLines.map((line) => `${line}\n`).join(''));
    assert.doesNotMatch(piped.stderr, /> /);
    const [first, second] = piped.stdout.split('\n');
    const { status, shown } = await onTerminal(`${coldstart} translate --run unbroken`, {
      cwd: folder,
      columns: 80,
      typed: [
        { after: /> $/, keys: `${typedLines[0]}\n` },
        { after: /\n> $/, keys: `${typedLines[1]}\n` },
        { after: /\n> $/, keys: '\x04' },
      ],
    });
    assert.equal(status, 0, shown);
    assert.equal(
      shown.replaceAll('\r\n', '\n').replaceAll('^D\b\b', ''),
      `Reading lines from the terminal; end with Ctrl-D.\n> ${typedLines[0]}\n${first}\n> ${typedLines[1]}\n${second}\n> \n`,
    );
  });

  // A shell passes SIGHUP on to what it runs; the one that ignores it leaves the command without its terminal.
  const hangUp = (command: string, file: string): string =>
    `${command} & trap "kill -HUP $!" HUP; wait $!; wait $!; echo $? >${file}`;
  const ignoreHangUp = (command: string, file: string): string => `trap "" HUP; ${command}; echo $? >${file}`;
  for (const [name, args, run] of [
    ['train', 'train -c my.yaml --run', ''],
    ['ablate', 'ablate -c my.yaml --set ablation.seeds=[5] --run', 'one/seed-5'],
  ]) {
    const whileTraining = [{ after: /(update | )[1-9]\d(\/120 updates| loss)/, keys: null }];

    test(`${name}: the terminal closes: work is saved, status 129, and resumed bit for bit`, async () => {
      const dir = `${name}-closed`;
      await onTerminal(hangUp(`${coldstart} ${args} ${dir}`, `${dir}.status`), {
        cwd: folder,
        columns: 80,
        typed: whileTraining,
      });
      assert.equal(await statusIn(`${dir}.status`), '129');
      assert.ok(existsSync(join(folder, dir, run, 'checkpoints/last.safetensors')));
      assert.ok(!existsSync(join(folder, dir, run, 'scores.json')));
      ok(`${coldstart} ${args} ${dir} ${name === 'train' ? '--resume' : ''}`);
      assertSameRun(join(dir, run));
    });

    test(`${name}: the terminal closes without a signal: the work continues to its end`, async () => {
      const dir = `${name}-unheard`;
      await onTerminal(ignoreHangUp(`${coldstart} ${args} ${dir}`, `${dir}.status`), {
        cwd: folder,
        columns: 80,
        typed: whileTraining,
      });
      assert.equal(await statusIn(`${dir}.status`), '0');
      assertSameRun(join(dir, run));
    });
  }
});

describe('standard output and standard error lost together', () => {
  for (const [name, lost, status] of [
    ['to a reader that ends', '2>&1 | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}', 141],
    ...(existsSync('/dev/full') ? [['to a full disk', '>/dev/full 2>&1', 1] as const] : []),
  ] as const) {
    test(`${name}: the run continues to its end, and the status says that its result was not read`, () => {
      const dir = `lost-${status}`;
      assert.equal(shell(`${coldstart} train -c my.yaml --run ${dir} ${lost}`).status, status);
      assertSameRun(dir);
      const arms = `ablate -c my.yaml --set ablation.seeds=[5] --run ${dir}-arms`;
      assert.equal(shell(`${coldstart} ${arms} ${lost}`).status, status);
      assertSameRun(`${dir}-arms/one/seed-5`);
      assert.ok(existsSync(join(folder, `${dir}-arms/results.json`)));
    });
  }
});
