import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSameLength, readScoringStream, warnIfTokenised } from './scoringText.js';

async function* bytes(...chunks: (string | Uint8Array)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk as string);
}
const read = (...chunks: (string | Uint8Array)[]) => readScoringStream('text', bytes(...chunks));

test('lines end at LF; white space on their right is dropped', async () => {
  assert.deepEqual((await read('a \n\nb', '\u2028c\n')).lines, ['a', '', 'b\u2028c']);
  const windows = await read('a\r\nb\r\n');
  assert.deepEqual(windows.lines, ['a', 'b']);
  assert.match(windows.warnings[0], /text has Windows line ends on 2 of 2 lines/);
  assert.match((await read('\ufeffa\n')).warnings[0], /byte order mark/);
});

test('files that cannot be scored are named', async () => {
  await assert.rejects(read(''), /text is empty/);
  await assert.rejects(read('a\n', new Uint8Array([0xff, 10])), /text:2: the line is not valid UTF-8/);
  const [two, three] = [await read('a\nb\n'), { ...(await read('a\nb\nc\n')), name: 'other' }];
  assert.throws(() => checkSameLength([two], [three]), /other has 3 lines, text has 2/);
  assert.equal(warnIfTokenised({ ...two, lines: Array<string>(99).fill('a .') }), undefined);
  assert.match(
    warnIfTokenised({ ...two, lines: Array<string>(100).fill('a .') })!,
    /100 lines that end in a tokenised full stop/,
  );
});
