import { basename } from 'node:path';
import { UsageError } from '../errors.js';
import { bleu, type BleuScore, type SmoothMethod } from '../score/bleu.js';
import type { BleuTokenizer, BleuTokenizerName } from '../score/bleuTokenizers.js';
import { chrf } from '../score/chrf.js';
import { formatFixed } from '../score/formatFixed.js';
import { corpusStatistics, lineScores, type Metric } from '../score/metric.js';
import {
  checkSameLength,
  readScoringStream,
  readScoringText,
  warnIfTokenised,
  type ScoringText,
} from '../score/scoringText.js';
import { scoreSystems, type Significance, type System } from '../score/scoreSystems.js';
import { signatureFields } from '../score/signature.js';
import { spmTokenizer } from '../score/spmTokenizer.js';
import { ter } from '../score/ter/ter.js';
import { joinUnits, tokenisedBleu, tokenisedBleuWarning } from '../score/tokenisedBleu.js';
import { checkOutputs } from '../storage/checkOutputs.js';
import { scoresAsJson, scoresAsLatex, scoresAsText } from '../report/text/scoreTables.js';

export interface ScoreFlags {
  ref: string[];
  hyp?: string[];
  metrics: ('bleu' | 'chrf' | 'ter' | 'tokenised-bleu')[];
  sentenceLevel?: boolean;
  diagnosis?: string;
  src?: string;
  trainSrc?: string;
  tokenize: string;
  spmModel?: string;
  lowercase?: boolean;
  smoothMethod: SmoothMethod;
  smoothValue?: number;
  joiner: string;
  force?: boolean;
  chrfCharOrder: number;
  chrfWordOrder: number;
  chrfBeta: number;
  chrfWhitespace?: boolean;
  chrfLowercase?: boolean;
  chrfEpsSmoothing?: boolean;
  terCaseSensitive?: boolean;
  terAsianSupport?: boolean;
  terNoPunct?: boolean;
  terNormalized?: boolean;
  confidence?: boolean;
  confidenceN: number;
  pairedBs?: boolean;
  pairedBsN: number;
  pairedAr?: boolean;
  pairedArN: number;
  pairedArConfidenceN: number;
  seed: number;
  format: 'text' | 'json' | 'latex';
  json?: boolean;
  width: number;
  short?: boolean;
  scoreOnly?: boolean;
  quiet?: boolean;
}

/** Scores files as the flags say and prints the result. */
export async function scoreFiles(flags: ScoreFlags, isGiven: (flag: keyof ScoreFlags) => boolean): Promise<void> {
  checkFlags(flags);
  if (flags.json && flags.format !== 'json' && isGiven('format'))
    throw new UsageError(`--json and --format ${flags.format} are two forms of the output. Choose one.`);
  refuseWithoutEffect(flags, isGiven);
  if (flags.diagnosis !== undefined && flags.diagnosis !== '-') checkOutputs([flags.diagnosis]);
  const refs = await Promise.all(flags.ref.map(readScoringText));
  const hyps = flags.hyp
    ? await Promise.all(flags.hyp.map(readScoringText))
    : [await readScoringStream('standard input', process.stdin)];
  checkSameLength(refs, hyps);
  const sources = await readSources(flags, refs[0]);
  const tokenised = flags.metrics.includes('tokenised-bleu');
  if (!flags.quiet) for (const warning of warnings(flags, refs, hyps)) console.error(`coldstart: ${warning}`);

  const refLines = refs.map(({ lines }) => lines);
  const systems: System[] = hyps.map(({ name, lines }) => ({
    name: hyps.filter((other) => basename(other.name) === basename(name)).length > 1 ? name : basename(name),
    lines: tokenised ? lines.map((line) => joinUnits(line, flags.joiner)) : lines,
  }));
  const tokenizer = await openTokenizer(flags, [...refLines, ...systems.map(({ lines }) => lines)].flat());
  const metrics = [...new Set(flags.metrics)].map((name) => makeMetric(name, flags, tokenizer));
  const format = { width: flags.width, signature: flags.short ? ('short' as const) : ('long' as const) };
  const form = flags.json ? 'json' : flags.format;

  if (flags.sentenceLevel) {
    const statistics = corpusStatistics(metrics[0], systems[0].lines, refLines);
    const fields = signatureFields(metrics[0].signatureFields, { numRefs: statistics.numRefs });
    const results = lineScores(metrics[0], statistics).map((score) => ({
      name: systems[0].name,
      results: [{ metric: metrics[0], score, fields }],
    }));
    if (form === 'json') console.log(`[${results.map((result) => scoresAsJson([result], format)).join(',\n')}]`);
    else
      for (const result of results)
        console.log(
          flags.scoreOnly ? formatFixed(result.results[0].score.score, flags.width) : scoresAsText([result], format),
        );
  } else {
    const scores = scoreSystems(systems, refLines, metrics, significance(flags));
    if (flags.scoreOnly)
      for (const { results } of scores)
        console.log(results.map(({ score }) => formatFixed(score.score, flags.width)).join('\t'));
    else console.log({ text: scoresAsText, json: scoresAsJson, latex: scoresAsLatex }[form](scores, format));
  }
  if (flags.diagnosis !== undefined) await diagnoseFiles(flags, systems, refLines, tokenizer, sources);
}

function checkFlags(flags: ScoreFlags): void {
  const numSystems = flags.hyp?.length ?? 1;
  if (flags.metrics.includes('tokenised-bleu') && flags.metrics.length > 1)
    throw new UsageError(
      'tokenised-bleu reads text that is tokenised already; the other metrics read plain text. Score them apart.',
    );
  if (flags.sentenceLevel && (new Set(flags.metrics).size > 1 || numSystems > 1))
    throw new UsageError('--sentence-level takes one metric and one --hyp.');
  if (flags.sentenceLevel && (flags.confidence || flags.pairedBs || flags.pairedAr))
    throw new UsageError('--sentence-level has no tests of significance.');
  if ((flags.pairedBs || flags.pairedAr) && numSystems < 2)
    throw new UsageError(
      '--paired-bs and --paired-ar compare systems: give --hyp at least two files, the baseline first.',
    );
  if (flags.diagnosis !== undefined && numSystems < 2)
    throw new UsageError('--diagnosis compares two systems: give --hyp two files.');
  if (flags.scoreOnly && (flags.json || flags.format !== 'text'))
    throw new UsageError('--score-only prints plain numbers, --json and --format other forms. Choose one.');
  if (flags.sentenceLevel && flags.format === 'latex' && !flags.json)
    throw new UsageError('--sentence-level prints text or JSON, not LaTeX.');
  if (flags.diagnosis === '-' && (flags.json || flags.format !== 'text' || flags.scoreOnly))
    throw new UsageError(
      '--diagnosis - prints text after the scores, but JSON, LaTeX or plain numbers are for programs. Name a file: --diagnosis FILE.',
    );
  if (flags.diagnosis === undefined && (flags.src ?? flags.trainSrc) !== undefined)
    throw new UsageError('--src and --train-src are read for a diagnosis. Add --diagnosis FILE, or leave them out.');
  if (flags.trainSrc !== undefined && flags.src === undefined)
    throw new UsageError('--train-src counts the words of --src. Give --src too.');
  if (flags.smoothValue !== undefined && !['floor', 'add-k'].includes(flags.smoothMethod))
    throw new UsageError(`--smooth-value is for --smooth-method floor or add-k, not ${flags.smoothMethod}.`);
  const needsModel = ['flores101', 'flores200', 'spm'].includes(flags.tokenize);
  if (needsModel && !flags.spmModel)
    throw new UsageError(
      `--tokenize ${flags.tokenize} needs its SentencePiece model: --spm-model FILE. It is not part of coldstart.`,
    );
  if (!needsModel && flags.spmModel)
    throw new UsageError(`--spm-model is for --tokenize flores101, flores200 or spm, not ${flags.tokenize}.`);
}

/** @throws UsageError for an option whose metric or test was not asked for */
function refuseWithoutEffect(flags: ScoreFlags, isGiven: (flag: keyof ScoreFlags) => boolean): void {
  const { metrics, confidence, pairedBs, pairedAr, diagnosis } = flags;
  const isDiagnosed = diagnosis !== undefined;
  const [asBleu, asTokenised] = [metrics.includes('bleu'), metrics.includes('tokenised-bleu')];
  const rules: readonly [flags: readonly (keyof ScoreFlags)[], hasEffect: boolean, needed: string][] = [
    [['tokenize', 'smoothMethod', 'smoothValue', 'spmModel'], asBleu || (isDiagnosed && !asTokenised), '-m bleu'],
    [['lowercase'], asBleu || asTokenised || isDiagnosed, '-m bleu or tokenised-bleu'],
    [['joiner'], asTokenised, '-m tokenised-bleu'],
    [
      ['chrfCharOrder', 'chrfWordOrder', 'chrfBeta', 'chrfWhitespace', 'chrfLowercase', 'chrfEpsSmoothing'],
      metrics.includes('chrf'),
      '-m chrf',
    ],
    [['terCaseSensitive', 'terAsianSupport', 'terNoPunct', 'terNormalized'], metrics.includes('ter'), '-m ter'],
    [['confidenceN'], confidence === true, '--confidence'],
    [['pairedBsN'], pairedBs === true || isDiagnosed, '--paired-bs or --diagnosis'],
    [['pairedArN', 'pairedArConfidenceN'], pairedAr === true, '--paired-ar'],
    [
      ['seed'],
      Boolean(confidence ?? pairedBs ?? pairedAr) || isDiagnosed,
      'a test: --confidence, --paired-bs or --paired-ar',
    ],
  ];
  for (const [names, hasEffect, needed] of rules)
    for (const name of names)
      if (!hasEffect && isGiven(name)) {
        const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        throw new UsageError(`--${option} has no effect without ${needed}. Add that, or leave the option out.`);
      }
}

function warnings(
  { metrics, force }: ScoreFlags,
  refs: readonly ScoringText[],
  hyps: readonly ScoringText[],
): string[] {
  const texts = [...refs, ...hyps];
  const found = texts.flatMap((text) => text.warnings);
  if (metrics.includes('tokenised-bleu')) found.push(tokenisedBleuWarning);
  else if (metrics.includes('bleu') && !force)
    for (const warning of texts.map(warnIfTokenised)) if (warning !== undefined) found.push(warning);
  return found;
}

async function openTokenizer(
  { tokenize, spmModel, lowercase }: ScoreFlags,
  lines: readonly string[],
): Promise<BleuTokenizerName | BleuTokenizer> {
  return spmModel === undefined ? (tokenize as BleuTokenizerName) : spmTokenizer(spmModel, tokenize, lines, lowercase);
}

function makeMetric(
  name: ScoreFlags['metrics'][number],
  flags: ScoreFlags,
  tokenizer: BleuTokenizerName | BleuTokenizer,
): Metric {
  switch (name) {
    case 'bleu':
    case 'tokenised-bleu':
      return makeBleu(name, flags, tokenizer);
    case 'chrf':
      return chrf({
        charOrder: flags.chrfCharOrder,
        wordOrder: flags.chrfWordOrder,
        beta: flags.chrfBeta,
        whitespace: flags.chrfWhitespace,
        lowercase: flags.chrfLowercase,
        epsSmoothing: flags.chrfEpsSmoothing,
      });
    case 'ter':
      return ter({
        caseSensitive: flags.terCaseSensitive,
        asianSupport: flags.terAsianSupport,
        noPunct: flags.terNoPunct,
        normalized: flags.terNormalized,
      });
  }
}

function makeBleu(
  name: 'bleu' | 'tokenised-bleu',
  { lowercase, smoothMethod, smoothValue, sentenceLevel }: ScoreFlags,
  tokenizer: BleuTokenizerName | BleuTokenizer,
): Metric<BleuScore> {
  if (name === 'tokenised-bleu') return tokenisedBleu({ lowercase, effectiveOrder: sentenceLevel });
  // effective order like sacreBLEU's command line: a sentence rarely has matches of every order
  return bleu({ tokenize: tokenizer, lowercase, smoothMethod, smoothValue, effectiveOrder: sentenceLevel });
}

function significance(flags: ScoreFlags): Significance {
  const { seed } = flags;
  if (flags.confidence) return { test: 'confidence', numSamples: flags.confidenceN, seed };
  if (flags.pairedBs) return { test: 'bs', numSamples: flags.pairedBsN, seed };
  if (flags.pairedAr)
    return { test: 'ar', numSamples: flags.pairedArN, numConfidenceSamples: flags.pairedArConfidenceN, seed };
  return { test: 'none' };
}

/** Texts of a diagnosis besides references and translations. */
interface Sources {
  readonly sources?: readonly string[];
  readonly trainingSources?: readonly string[];
}

/** @throws DataError if the source has another number of lines than the references */
async function readSources({ src, trainSrc }: ScoreFlags, refs: ScoringText): Promise<Sources> {
  if (src === undefined) return {};
  const sources = await readScoringText(src);
  checkSameLength([refs], [sources]);
  const training = trainSrc === undefined ? undefined : await readScoringText(trainSrc);
  return { sources: sources.lines, trainingSources: training?.lines };
}

async function diagnoseFiles(
  flags: ScoreFlags,
  [first, second]: readonly System[],
  refs: readonly (readonly string[])[],
  tokenizer: BleuTokenizerName | BleuTokenizer,
  sources: Sources,
): Promise<void> {
  const { diagnosis: path, seed, pairedBsN: numSamples } = flags;
  const [{ diagnose }, { diagnosisAsText }, { diagnosisAsHtml }, { writeFileAtomic }] = await Promise.all([
    import('../score/diagnose.js'),
    import('../report/text/diagnosisText.js'),
    import('../report/html/diagnosisHtml.js'),
    import('../storage/atomicFile.js'),
  ]);
  const metric = makeBleu(flags.metrics.includes('tokenised-bleu') ? 'tokenised-bleu' : 'bleu', flags, tokenizer);
  const diagnosis = diagnose({
    systems: [first, second],
    refs,
    metric,
    ...sources,
    numSamples,
    seed,
  });
  if (path === '-') console.log(diagnosisAsText(diagnosis));
  else
    writeFileAtomic(path!, path!.endsWith('.html') ? diagnosisAsHtml(diagnosis) : `${diagnosisAsText(diagnosis)}\n`, {
      overwrite: false,
    });
}
