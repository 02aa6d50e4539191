import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ColdstartError } from '../../errors.js';
import { zipArchive } from '../../../test/archives.js';
import { extractCorpus, type ExtractOptions, type ExtractReport } from './extractCorpus.js';
import { formatOf } from './pairFormat.js';
import type { PairSource } from './readPairs.js';
import { XmlScanner } from './xmlScanner.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'coldstart-extract-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const out = (name: string): { src: string; trg: string } => ({
  src: join(folder, `${name}.de`),
  trg: join(folder, `${name}.en`),
});
const lines = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);

/** @returns report and pairs */
async function extract(
  sources: PairSource[],
  heldOut?: ExtractOptions['heldOut'],
): Promise<{ report: ExtractReport; src: string[]; trg: string[] }> {
  const report = await extractCorpus({ sources, out: out('out'), heldOut });
  return { report, src: lines(out('out').src), trg: lines(out('out').trg) };
}

const tagsDe = `<url>http://www.ted.com/talks/1</url>
<keywords>talks, Zukunft</keywords>
<speaker>Ann Example</speaker>
<talkid>1</talkid>
<title>Ein Titel</title>
<description>TED Talk Subtitles: Eine Beschreibung.</description>
 Das ist der erste Satz.\t
Forschung &amp; Entwicklung <em>hier</em>.

<reviewer href="http://x">Jemand</reviewer>
<translator href="http://y">Niemand</translator>
`;
const tagsEn = tagsDe
  .replace('Das ist der erste Satz.', 'This is the first sentence.')
  .replace('Forschung', 'Research');

test('iwslt-tags: lines of metadata are removed, title and description lose their marks, the rest does not change', async () => {
  const source = {
    format: 'iwslt-tags',
    src: file('train.tags.de-en.de', tagsDe),
    trg: file('train.tags.de-en.en', tagsEn),
  } as const;
  const { src, trg, report } = await extract([source]);
  assert.deepEqual(src, [
    'Ein Titel',
    'TED Talk Subtitles: Eine Beschreibung.',
    'Das ist der erste Satz.',
    'Forschung &amp; Entwicklung <em>hier</em>.',
    '',
  ]);
  assert.equal(trg[2], 'This is the first sentence.');
  assert.deepEqual(report, { pairs: 5, heldOutPairs: 0, invalidPairs: 0, skippedUnits: 0 });
  // prepare-iwslt14.sh drops three elements only
  const fewer = await extract([{ ...source, drop: ['url', 'talkid', 'keywords'] }]);
  assert.deepEqual(fewer.src, [
    '<speaker>Ann Example</speaker>',
    ...src,
    '<reviewer href="http://x">Jemand</reviewer>',
    '<translator href="http://y">Niemand</translator>',
  ]);
});

const segments = (texts: string[]): string => `<?xml version="1.0" encoding="UTF-8"?>
<mteval>
<refset setid="x" srclang="de" trglang="en" refid="1">
<doc docid="535" genre="lectures">
<url>http://x</url>
<description>Not a segment</description>
${texts.map((text, i) => `<seg id="${i + 1}"> ${text} </seg>`).join('\n')}
</doc>
</refset>
</mteval>
`;

test('segments: XML of IWSLT and SGML of WMT, references decoded or kept, segments over several lines', async () => {
  const src = file(
    'IWSLT14.TED.dev2010.de-en.de.xml',
    segments(['Es geht’s &amp; &quot;gut&quot;.', 'Zwei\n  Zeilen.', '']),
  );
  const trg = file(
    'newstest.en.sgm',
    '<refset><doc>\n<hl>\n<seg id=1>It&#8217;s fine.</seg>\n</hl>\n<SEG ID="2">Two lines.</SEG><seg id="3"></seg></doc></refset>',
  );
  const plain = await extract([{ format: 'segments', src, trg }]);
  assert.deepEqual(plain.src, ['Es geht’s & "gut".', 'Zwei Zeilen.', '']);
  assert.deepEqual(plain.trg, ['It’s fine.', 'Two lines.', '']);
  const asFairseq = await extract([{ format: 'segments', src, trg, decode: false, straightApostrophes: true }]);
  assert.equal(asFairseq.src[0], "Es geht's &amp; &quot;gut&quot;.");
  const commented = await extract([
    {
      format: 'segments',
      src: file(
        'c.sgm',
        `<!-- <seg id="1">not</seg> ${'x\n'.repeat(50_000)} --><seg id="1">one</seg><!---->\n<!--\n--><seg id="2">1 --> 2 <!-- 3</seg>`,
      ),
      trg: file('c.xml', segments(['eins', 'zwei'])),
    },
  ]);
  assert.deepEqual(commented.src, ['one', '1 --> 2 <!-- 3']);
});

test('segments: unclosed, missing and non-UTF-8 text is refused', async () => {
  const good = file('good.xml', segments(['a']));
  const faults: [string | Buffer, RegExp][] = [
    ['<seg id="1">a <seg id="2">b</seg>', /segment 1 is not closed before the next one begins/],
    ['<seg id="1">a</seg><seg id="2">b', /ends within segment 2/],
    ['<seg id="1">a</seg><!-- <seg id="2">b</seg>', /ends within a comment/],
    ['<html>no such page</html>', /has no segments/],
    [Buffer.from('<seg id="1">\xff</seg>', 'latin1'), /bad\.xml:1 is not valid UTF-8/],
    [`<seg id="1">${'\n'.repeat(2 ** 20 + 2 ** 17)}`, /segment 1 has more than \d+ characters/],
  ];
  for (const [content, message] of faults)
    await assert.rejects(extract([{ format: 'segments', src: file('bad.xml', content), trg: good }]), message);
});

test('sides of different lengths are refused with both counts, and nothing is written', async () => {
  const src = file('a.de', 'eins\nzwei\ndrei\n');
  const trg = file('a.en', 'one\ntwo\n');
  await assert.rejects(
    extract([{ format: 'moses', src, trg }]),
    /different numbers of lines: .*a\.de has 3, .*a\.en has 2\./,
  );
  const one = file('one.xml', segments(['a', 'b']));
  const other = file('other.xml', segments(['a']));
  await assert.rejects(extract([{ format: 'segments', src: one, trg: other }]), /one\.xml has 2, .*other\.xml has 1\./);
  assert.ok(!existsSync(out('out').src) && !existsSync(out('out').trg));
});

test('every nth pair is held out, counted over all sources', async () => {
  const numbers = (from: number, to: number): string =>
    Array.from({ length: to - from + 1 }, (_, i) => `${from + i}\n`).join('');
  const sources = [
    [1, 20],
    [21, 50],
  ].map(([from, to]): PairSource => ({
    format: 'moses',
    src: file(`${from}.de`, numbers(from, to)),
    trg: file(`${from}.en.gz`, gzipSync(numbers(from, to))),
  }));
  const { report, src, trg } = await extract(sources, { every: 23, out: out('valid') });
  assert.deepEqual([report.pairs, report.heldOutPairs], [48, 2]);
  assert.deepEqual(lines(out('valid').src), ['23', '46']);
  assert.deepEqual(lines(out('valid').trg), ['23', '46']);
  assert.deepEqual(src, trg);
  assert.ok(!src.includes('23') && src.includes('22') && src.includes('50'));
});

test('tsv, zip of one file, and pairs that are not UTF-8', async () => {
  const tsv = 'id\tone\teins\r\nid\ttwo\tzwei\r\n';
  const { src, trg } = await extract([
    {
      format: 'tsv',
      file: file('x.tsv.zip', zipArchive([{ name: 'x.tsv', content: tsv }])),
      srcColumn: 3,
      trgColumn: 2,
    },
  ]);
  assert.deepEqual(
    [src, trg],
    [
      ['eins', 'zwei'],
      ['one', 'two'],
    ],
  );
  await assert.rejects(
    extract([{ format: 'tsv', file: file('y.tsv', 'a\tb\nc\n'), srcColumn: 1, trgColumn: 2 }]),
    /y\.tsv:2 has 1 column, expected at least 2/,
  );
  await assert.rejects(
    extract([
      { format: 'tsv', file: file('z.zip', zipArchive([{ name: 'a' }, { name: 'b' }])), srcColumn: 1, trgColumn: 2 },
    ]),
    /holds 2 files \(a, b\), expected one/,
  );
  const invalid = await extract([
    {
      format: 'moses',
      src: file('i.de', Buffer.from('gut\n\xff\nauch\n', 'latin1')),
      trg: file('i.en', 'good\nbad\ntoo\n'),
    },
  ]);
  assert.deepEqual([invalid.src, invalid.trg, invalid.report.invalidPairs], [['gut', 'auch'], ['good', 'too'], 1]);
});

const tmx = (units: string, { doctype = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">' } = {}): string =>
  `<?xml version="1.0"?>\n${doctype}\n<tmx version="1.4"><header srclang="de"/><body>\n${units}\n</body></tmx>\n`;
const unit = (de: string, en: string): string =>
  `<tu><prop type="x">no</prop><tuv xml:lang="de-AT"><seg>${de}</seg></tuv><tuv lang="EN"><seg>${en}</seg></tuv></tu>`;

test('tmx: pairs by language, codes out, marks and entities resolved', async () => {
  const text = tmx(
    [
      unit(
        'Er &lt;sagt&gt; &quot;ja&quot; &#x2013; A&amp;B',
        'He <hi>says</hi> <bpt i="1">&lt;b&gt;</bpt>yes<ept i="1">&lt;/b&gt;</ept><ph x="1"/>',
      ),
      '<tu><tuv xml:lang="de"><seg>ohne Partner</seg></tuv></tu>',
      unit('<![CDATA[roh <b>& so]]>', 'two\n   lines<!-- no -->'),
    ].join('\n'),
  );
  const expected = [
    ['Er <sagt> "ja" – A&B', 'roh <b>& so'],
    ['He says yes', 'two lines'],
  ];
  const { src, trg, report } = await extract([
    { format: 'tmx', file: file('m.tmx', text), srcLang: 'de', trgLang: 'en' },
  ]);
  assert.deepEqual([src, trg, report.skippedUnits], [...expected, 1]);
  const wide = await extract([
    {
      format: 'tmx',
      file: file('w.tmx', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(text, 'utf16le')])),
      srcLang: 'de',
      trgLang: 'en',
    },
  ]);
  assert.deepEqual([wide.src, wide.trg], expected);
  await assert.rejects(
    extract([{ format: 'tmx', file: file('m.tmx', text), srcLang: 'fr', trgLang: 'en' }]),
    /^DataError: no sentence pair was found: 3 units lack fr or en; the text has the languages de-AT, EN, de\. If other languages are meant, name them with --src-lang and --trg-lang\.$/,
  );
  const unnamed = file('n.tmx', tmx('<tu><tuv><seg>a</seg></tuv></tu>'));
  await assert.rejects(
    extract([{ format: 'tmx', file: unnamed, srcLang: 'de', trgLang: 'en' }]),
    /: 1 unit lacks de or en; the text has no languages\./,
  );
});

test('tmx: declared entities, deep nesting and malformed text are refused, with the line', async () => {
  const bomb = '<!DOCTYPE tmx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>';
  const faults: [string, RegExp][] = [
    [
      tmx(unit('&b;', 'x'), { doctype: bomb }),
      /m\.tmx:2: the document declares its own entities or elements, which are not accepted/,
    ],
    [tmx(unit('a &copy; b', 'x')), /m\.tmx:4: &copy; is not known; entities are not looked up/],
    [tmx(unit('a & b', 'x')), /a lone "&"; it must be written &amp;/],
    [tmx('<tu>'.repeat(100)), /elements are nested deeper than 64/],
    [tmx('<tu></tuv>'), /<\/tuv> is where <\/tu> was expected/],
    [tmx('<tu><'), /is no tag|ends within a mark/],
    [tmx(`<tu ${'x'.repeat(70_000)}`), /a mark of more than 65536 characters/],
    ['<html></html>', /begins with <html>, expected <tmx>/],
    ['', /there is no element/],
    [tmx(unit('x'.repeat(2 ** 20 + 1), 'y')), /a segment has more than 1048576 characters/],
  ];
  for (const [text, message] of faults)
    await assert.rejects(
      extract([{ format: 'tmx', file: file('m.tmx', text), srcLang: 'de', trgLang: 'en' }]),
      message,
    );
});

test('XML gives the same events however it is cut into pieces', () => {
  const text = tmx(
    [unit('Er &lt;sagt&gt; "ja"', 'He <hi>says</hi>'), unit('<![CDATA[roh]]>', 'x<!-- -- no -->')].join(''),
  );
  const events = (pieces: string[]): string => {
    let events = '';
    const scanner = new XmlScanner('x', {
      open: (name) => (events += `<${name}>`),
      close: (name) => (events += `</${name}>`),
      text: (piece) => (events += piece),
    });
    for (const piece of pieces) scanner.write(piece);
    scanner.end();
    return events;
  };
  const whole = events([text]);
  assert.match(whole, /<seg>Er <sagt> "ja"<\/seg>/);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 30 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      assert.equal(events(places.slice(1).map((end, i) => text.slice(places[i], end))), whole);
    }),
  );
});

test('mutated XML never hangs or crashes', async () => {
  const pieces = [
    '<',
    '>',
    '/',
    '&',
    ';',
    '"',
    "'",
    '<tu>',
    '</tu>',
    '<tuv xml:lang="de">',
    '</tuv>',
    '<seg>',
    '</seg>',
    '<seg id="1">',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<!DOCTYPE',
    '[',
    '<?',
    '?>',
    '&amp;',
    '&#0;',
    '&#x110000;',
    '\0',
    '\ud800',
    'ä',
    '\n',
    ' ',
    '</body>',
    '<ph/>',
    'x'.repeat(300),
  ];
  const base = tmx(unit('eins', 'one') + unit('zwei', 'two'));
  const mutation = fc.record({ at: fc.nat(base.length), length: fc.nat(12), insert: fc.constantFrom(...pieces) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 8 }),
      fc.constantFrom('tmx', 'segments', 'iwslt-tags'),
      async (mutations, format) => {
        let text = base;
        for (const { at, length, insert } of mutations) text = text.slice(0, at) + insert + text.slice(at + length);
        const path = file('fuzz', text);
        try {
          const { src, trg } = await extract([
            format === 'tmx'
              ? { format, file: path, srcLang: 'de', trgLang: 'en' }
              : { format: format as 'segments', src: path, trg: path },
          ]);
          assert.equal(src.length, trg.length);
        } catch (error) {
          assert.ok(error instanceof ColdstartError, String((error as Error).stack));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('text made to be slow is read in linear time', async () => {
  // each of these takes minutes where a pattern backtracks
  const spaces = ' '.repeat(900_000);
  const slow = [
    `<seg id="1">a${spaces}b\n${spaces}c</seg>`,
    '<seg '.repeat(10_000),
    `<seg id="1">${'&'.repeat(900_000)}</seg>`,
  ];
  for (const text of slow)
    await extract([{ format: 'segments', src: file('s.xml', text), trg: file('t.xml', segments(['x'])) }]).catch(
      (error: Error) => assert.ok(error instanceof ColdstartError, error.stack),
    );
  await extract([
    { format: 'iwslt-tags', src: file('s.tags', `a${spaces}b\n`), trg: file('t.tags', '<'.repeat(900_000)) },
  ]);
  for (const text of [
    tmx(`<tu${spaces}`),
    tmx(unit(`${spaces}\n`.repeat(1), '&'.repeat(900_000))),
    tmx(`<!--${'-'.repeat(900_000)}`),
    tmx(`${'<tu/>'.repeat(100_000)}`),
  ]) {
    await extract([{ format: 'tmx', file: file('s.tmx', text), srcLang: 'de', trgLang: 'en' }]).catch((error: Error) =>
      assert.ok(error instanceof ColdstartError, error.stack),
    );
  }
});

test('formats by file name', () => {
  const names = {
    'x/train.tags.de-en.de': 'iwslt-tags',
    'dev.xml': 'segments',
    'news.SGM.gz': 'segments',
    'm.tmx.zst': 'tmx',
    'a.tsv': 'tsv',
    'train.de': 'moses',
    'train.de.gz': 'moses',
  };
  for (const [name, format] of Object.entries(names)) assert.equal(formatOf(name), format, name);
  assert.throws(() => formatOf('a.json'), /no known format has this ending/);
});

test('if one of the files cannot be made, none is left', async () => {
  const sources: PairSource[] = [
    { format: 'moses', src: file('a.de', 'eins\nzwei\n'), trg: file('a.en', 'one\ntwo\n') },
  ];
  const blocked = { src: join(folder, 'held.de'), trg: join(folder, 'a.en/held.en') };
  await assert.rejects(extractCorpus({ sources, out: out('out'), heldOut: { every: 2, out: blocked } }), {
    code: 'WRITE_FAILED',
  });
  await assert.rejects(extractCorpus({ sources, out: blocked }), { code: 'WRITE_FAILED' });
  assert.deepEqual(readdirSync(folder).sort(), ['a.de', 'a.en']);
});
