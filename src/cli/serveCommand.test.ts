import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { wordOf, writeReversingRun } from '../../test/reversingRun.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-serve-'));
after(() => rmSync(folder, { recursive: true }));

const sentences = Array.from({ length: 30 }, (_, i) =>
  Array.from({ length: 1 + (i % 8) }, (_unused, j) => wordOf(12 + ((i * 11 + j * 5) % 80))).join(' '),
);

function translate(url: string, q: string, agent: Agent): Promise<{ status: number; text?: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      new URL('/translate', url),
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('error', reject).on('end', () => {
          const { translatedText } = JSON.parse(body) as { translatedText?: string };
          resolve({ status: response.statusCode!, text: translatedText });
        });
      },
    );
    request.on('error', reject).end(JSON.stringify({ q, source: 'de', target: 'nl' }));
  });
}

describe('serve', () => {
  before(() => {
    writeReversingRun(join(folder, 'run'));
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`${signal} under load: accepted requests are answered, new ones are refused, and the command ends with status 0`, async () => {
      const child = spawn(
        process.execPath,
        [program, 'serve', '--run', 'run', '--port', '0', '--backend', 'wasm', '--beam', '2'],
        { cwd: folder },
      );
      const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
      const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
      const url = /^(http:\S+) translates de to nl with run \(wasm\); Ctrl-C ends it\.\n$/.exec(line)![1];
      const agent = new Agent({ keepAlive: true });
      const expected = new Map<string, string>();
      for (const q of sentences) expected.set(q, (await translate(url, q, agent)).text!);
      let answered = 0;
      const statuses = new Set<number>();
      const client = async (first: number): Promise<void> => {
        for (let i = first; ; i++) {
          const q = sentences[i % sentences.length];
          const { status, text } = await translate(url, q, agent); // throws if a connection breaks
          statuses.add(status);
          if (status !== 200) return;
          assert.equal(text, expected.get(q));
          if (++answered === 40) child.kill(signal);
        }
      };
      await Promise.all(Array.from({ length: 12 }, (_, i) => client(i)));
      assert.deepEqual([...statuses].sort(), [200, 503]);
      const [code] = await exited;
      assert.equal(code, 0, errors);
      assert.match(errors, /^\nAnswering the accepted requests and refusing new ones; once more to stop at once\.\n/);
      assert.match(errors, new RegExp(`^The service ended\\. It answered ${answered + 30} requests\\.$`, 'm'));
      agent.destroy();
    });

  const refused: readonly [what: string, args: readonly string[], status: number, message: RegExp][] = [
    ['no model', [], 2, /either --run DIR or --checkpoint FILE/],
    ['a folder that is no run', ['--run', '.'], 1, /\. is not a run: it has no config\.yaml/],
    ['an invalid origin', ['--run', 'run', '--cors', 'example.org/x'], 2, /--cors is "example\.org\/x", expected an/],
    [
      'a file without a key',
      ['--run', 'run', '--api-key-file', 'empty'],
      2,
      /empty holds no API key, expected one a line/,
    ],
    ['an empty language', ['--run', 'run', '--source', ''], 2, /--source is empty, expected <code>/],
    [
      'a language that asks to guess',
      ['--run', 'run', '--source', 'auto'],
      2,
      /--source is "auto", expected a language/,
    ],
    ['a name of a language', ['--run', 'run', '--target', 'High German'], 2, /--target is "High German", expected a/],
    ['an invalid port', ['--run', 'run', '--port', '70000'], 2, /Expected at most 65535/],
  ];
  for (const [what, args, status, message] of refused)
    test(`refused: ${what}`, () => {
      writeFileSync(join(folder, 'empty'), '\n');
      const found = spawnSync(process.execPath, [program, 'serve', ...args], { cwd: folder, encoding: 'utf8' });
      assert.match(found.stderr, message);
      assert.equal(found.status, status);
    });
});
