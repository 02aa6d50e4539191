import { basename, resolve } from 'node:path';
import { stringify } from 'yaml';
import { counted, formatCount } from '../counted.js';
import { greatest, least } from '../extremes.js';
import { formatNumber } from '../format.js';
import { gradInitSettings } from '../initial/gradInitSettings.js';
import { chosenInit } from '../initial/learnedInits.js';
import { numParameters } from '../model/parameters.js';
import { version } from '../package.js';
import { bleuSignature } from '../score/bleuSignature.js';
import { bleuOptions } from '../run/heldOut.js';
import type { Config } from '../config/schema.js';
import { fileOf, type PreprocessingStep } from '../text/preprocessingSteps.js';
import type { Side } from '../text/textPipeline.js';
import type { ExportedModel, RunFacts } from './exportedModel.js';
import type { CardParts } from './exporter.js';
import type { GreedyScore } from './greedyScore.js';

export interface CardFacts {
  /** What the format says of itself. */
  readonly parts: CardParts;
  readonly greedy: GreedyScore;
  /** Identifier of the licence as Hugging Face's hub writes it. */
  readonly license?: string;
}

/**
 * README.md of an export: what the model is, how to load it, scores, text, training, limits, licence. Markdown with a
 * YAML head.
 */
export function modelCard(model: ExportedModel, { parts, greedy, license }: CardFacts): string {
  return `${[
    ...head(model, parts, license),
    `# ${title(model)}`,
    '',
    introduction(model),
    '',
    '## Use it',
    '',
    parts.usage,
    '',
    '## Text',
    '',
    ...textLines(model),
    '',
    '## Scores',
    '',
    ...scoreLines(model, greedy),
    '',
    '## Limits',
    '',
    ...[...parts.limits, ...commonLimits(model)].map((limit) => `- ${limit}`),
    '',
    '## Training',
    '',
    ...trainingLines(model),
    '',
    '## Licence',
    '',
    license === undefined
      ? 'Not stated. Who publishes this folder names a licence here, after a look at that of the training text.'
      : `\`${license}\``,
  ].join('\n')}\n`;
}

/** What the hub reads: library, task, languages, licence. */
function head(model: ExportedModel, { library }: CardParts, license: string | undefined): string[] {
  const languages = model.run && languagesOf(model.run.config).filter((language) => /^[a-z]{2,3}$/.test(language));
  const metadata = {
    library_name: library,
    pipeline_tag: 'translation',
    ...(languages && languages.length > 0 && { language: languages }),
    ...(license !== undefined && { license }),
    tags: ['translation', 'coldstart'],
  };
  return ['---', stringify(metadata).trimEnd(), '---', ''];
}

const languagesOf = ({ corpus: { srcLang, trgLang } }: Config): string[] => [srcLang, trgLang];

function title({ run, checkpoint }: ExportedModel): string {
  if (run === undefined) return plain(basename(checkpoint));
  return plain(`${basename(resolve(run.folder))}: ${languagesOf(run.config).join(' → ')}`);
}

function introduction(model: ExportedModel): string {
  const { config, run } = model;
  const { dModel, dFf, numHeads, numEncoderLayers, numDecoderLayers, residual = 'post-ln', sharing } = config;
  const languages =
    run === undefined ? '' : ` from \`${code(run.config.corpus.srcLang)}\` to \`${code(run.config.corpus.trgLang)}\``;
  const vocabulary = model.isJoint
    ? `one vocabulary of ${formatCount(config.srcVocabSize)} entries`
    : `vocabularies of ${formatCount(config.srcVocabSize)} and ${formatCount(config.trgVocabSize)} entries`;
  return [
    `A Transformer that translates${languages}, trained with coldstart ${version}${run === undefined ? '' : ` (${learnedBy(run)})`}.`,
    `It has ${formatCount(numParameters(config))} parameters: ${numEncoderLayers} encoder and ${counted(numDecoderLayers, 'decoder layer')},`,
    `${dModel} features, ${dFf} hidden features, ${counted(numHeads, 'head')}, ${vocabulary}.`,
    `Residual scheme \`${residual}\`, sharing of embeddings \`${sharing}\`.`,
  ].join('\n');
}

function learnedBy({ config, init }: RunFacts): string {
  const method = init?.method ?? chosenInit(config)?.name;
  const names: Readonly<Record<string, string>> = { gradinit: 'GradInit', metainit: 'MetaInit', admin: 'Admin' };
  return method === undefined ? 'initial parameters as drawn' : `initialised by ${names[method] ?? method}`;
}

function textLines({ text }: ExportedModel): string[] {
  const steps = (side: Side): string => text.preprocessing[side].map(described).join(', then ');
  const lines: string[] = [];
  const source = steps('src');
  if (source !== '')
    lines.push(
      `Source text must go through these steps before the tokenizer, which cannot do them: ${source}.`,
      `\`coldstart translate\` does them. These commands do nothing else: \`${text.preprocessing.src.map(commandOf).join(' | ')}\`${filesOf(text.preprocessing.src)}.`,
    );
  else if (text.subwords.src.method === 'none')
    lines.push('Source text is split at spaces: give it as the training text was, already cut into tokens.');
  else lines.push('Give source text as the training text was: the tokenizer does all the rest.');
  const undone = text.preprocessing.trg.flatMap((step) =>
    step.step === 'truecase'
      ? ['coldstart corpus detruecase']
      : step.step === 'tokenize'
        ? [`coldstart corpus detokenize -l ${code(step.language)}`]
        : [],
  );
  if (undone.length > 0)
    lines.push(
      `Translations are words separated by spaces. To make running text of them: \`${undone.toReversed().join(' | ')}\`.`,
    );
  return lines;
}

/** The command that does one step. */
function commandOf(step: PreprocessingStep): string {
  switch (step.step) {
    case 'normalize':
      return [
        `coldstart corpus normalize -l ${code(step.language)}`,
        ...(step.unicode ? [`--unicode ${step.unicode}`] : []),
        ...(step.punctuation ? [] : ['--no-punctuation']),
        ...(step.nonPrinting ? ['--remove-non-printing'] : []),
      ].join(' ');
    case 'tokenize':
      return [
        `coldstart corpus tokenize -l ${code(step.language)}`,
        ...(step.aggressive ? ['-a'] : []),
        ...(step.escape === false ? ['--no-escape'] : []),
        ...(step.protectedPatterns?.length ? ['--protected PATTERNS'] : []),
        ...(step.prefixes === undefined ? [] : ['--prefixes prefixes.src.txt']),
      ].join(' ');
    case 'lowercase':
      return 'coldstart corpus lowercase';
    case 'truecase':
      return 'coldstart corpus truecase --model truecase.src.txt';
  }
}

/** Where the files are that the commands for source text name. */
function filesOf(steps: readonly PreprocessingStep[]): string {
  const notes = [
    ...(steps.some((step) => fileOf(step) !== undefined) ? ["the files are in the run's folder text"] : []),
    ...(steps.some((step) => step.step === 'tokenize' && step.protectedPatterns?.length)
      ? ['PATTERNS has `corpus.tokenize.protectedPatterns`, one a line']
      : []),
  ];
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`;
}

function described(step: PreprocessingStep): string {
  switch (step.step) {
    case 'normalize': {
      const kinds = [
        step.unicode,
        step.punctuation && 'plain punctuation',
        step.nonPrinting && 'no control characters',
      ].filter((kind) => kind !== undefined && kind !== false);
      return `normalisation (${kinds.join(', ')})`;
    }
    case 'tokenize':
      return `Moses tokenisation for \`${code(step.language)}\`${step.escape === false ? ' without escapes' : ''}${step.aggressive ? ', aggressive' : ''}`;
    case 'lowercase':
      return 'small letters';
    case 'truecase':
      return 'truecasing with the model of the training text';
  }
}

function scoreLines({ run, decode }: ExportedModel, greedy: GreedyScore): string[] {
  const rows: string[] = [];
  const own = run?.scores?.tests?.find(({ use }) => use === run.use);
  if (own && decode.beamSize > 1)
    rows.push(`| beam ${decode.beamSize}, length penalty ${decode.lengthPenalty} | ${own.bleu.toFixed(2)} |`);
  if ('bleu' in greedy) rows.push(`| greedy | ${greedy.bleu.toFixed(2)} |`);
  const lines =
    rows.length === 0 || run === undefined
      ? []
      : [
          '| search | test BLEU |',
          '| --- | --- |',
          ...rows,
          '',
          `Signature \`${code(own?.signature ?? bleuSignature(bleuOptions(run.config.decode)))}\`. coldstart computed them, in 32-bit floats.`,
        ];
  if (run && !own) lines.push('The run has no score of these parameters with its own beam.');
  if ('missing' in greedy) lines.push(`There is no greedy score: ${plain(greedy.missing)}.`);
  return lines;
}

/** What holds of every format. */
function commonLimits({ run, decode }: ExportedModel): string[] {
  return [
    'It translates single sentences: it was trained on sentences without context.',
    `Translations of a source of S tokens (its end included) have at most floor(${decode.maxLenA} S + ${decode.maxLenB}) tokens in coldstart.`,
    ...(run?.scores?.status === 'diverged' ? ['Its training diverged: these are the parameters before that.'] : []),
  ];
}

function trainingLines({ run, checkpoint, update }: ExportedModel): string[] {
  const after = update === undefined ? '' : ` after update ${formatCount(update)}`;
  if (run === undefined)
    return [`The parameters of \`${code(basename(checkpoint))}\`${after}; nothing more is known of their training.`];
  const { config, scores, progress, init, identity } = run;
  const { maxUpdates } = config.train;
  const status = scores === undefined ? 'not complete: training was not at its end' : scores.status;
  const { train, valid, test } = config.corpus;
  const names = (files: { src?: string; trg?: string }): string =>
    [files.src, files.trg]
      .map((path) => (path === undefined ? '' : `\`${cell(basename(path))}\``))
      .filter((name) => name !== '')
      .join(', ');
  const rows = [
    ['training text', names(train)],
    ['validation text', names(valid)],
    ['test text', names(test)],
    ['prepared training set', identity.corpus['train.bin'] && `SHA-256 \`${identity.corpus['train.bin']}\``],
    ['run', status === 'finished' ? 'complete' : status],
    [
      'updates',
      progress &&
        `${formatCount(progress.updates)}${maxUpdates > 0 ? ` of ${formatCount(maxUpdates)}` : ''} in ${counted(progress.epochs, 'epoch')}`,
    ],
    ['target tokens', progress && formatCount(progress.trgTokens)],
    ['parameters', plain(run.description) + after],
    ['initialisation', learnedBy(run)],
    [
      'its cost',
      init && `${formatNumber(init.cost.updateEquivalents)} updates' worth, ${formatNumber(init.cost.seconds)} s`,
    ],
    ['its scales', init && scaleRange(Object.values(init.scales))],
    ['trained by', plain(identity.program)],
  ].filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '');
  return [
    '| | |',
    '| --- | --- |',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
    'Settings:',
    '',
    '```yaml',
    stringify(settingsShown(config), { lineWidth: 0, keepUndefined: false, aliasDuplicateObjects: false }).trimEnd(),
    '```',
  ];
}

function scaleRange(scales: readonly number[]): string | undefined {
  if (scales.length === 0) return undefined;
  return `${formatCount(scales.length)}, from ${formatNumber(least(scales))} to ${formatNumber(greatest(scales))}`;
}

/**
 * The settings that made the parameters; of the learned initialisation all that count, defaults of its variant
 * included.
 */
function settingsShown({ seed, model, init, gradinit, metainit, train }: Config): object {
  return {
    seed,
    model,
    init,
    ...(gradinit.algorithm !== 'none' && { gradinit: gradInitSettings(gradinit) }),
    ...(metainit.iterations > 0 && { metainit }),
    train,
  };
}

/** Text for a line of Markdown: nothing in it is markup. */
const plain = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ').replaceAll(/[\\`*_[\]<>|#]/g, '\\$&');
/** Text between backticks. */
const code = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ').replaceAll('`', "'");
/** The same in a table. */
const cell = (text: string): string => code(text).replaceAll('|', '\\|');
