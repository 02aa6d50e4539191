import { Command } from 'commander';
import { jsonOption } from './options.js';

interface ScoreFlags {
  ref: string[];
  hyp: string;
  tokenize: '13a' | 'none';
  lowercase?: boolean;
  json?: boolean;
}

export function scoreCommand(): Command {
  return new Command('score')
    .description('Corpus BLEU of a translation, equal to sacreBLEU\'s, with its signature.')
    .requiredOption('--ref <file...>', 'one or more references, one sentence per line, plain or .gz')
    .requiredOption('--hyp <file>', 'the translation')
    .option('--tokenize <how>', '13a for plain text, none for text that is tokenised already', '13a')
    .option('--lowercase', 'ignore case')
    .addOption(jsonOption())
    .addHelpText('after', `
Examples:
  coldstart score --ref runs/builtin/test.ref --hyp runs/builtin/test.hyp
  coldstart score --ref test.de --hyp test.hyp --tokenize none`)
    .action(async (flags: ScoreFlags) => {
      const [{ UsageError }, { corpusBleu }, { bleuSignature }, { readTextFile }] = await Promise.all([
        import('../errors.js'), import('../eval/bleu.js'), import('../eval/bleuSignature.js'), import('../storage/textFile.js'),
      ]);
      if (flags.tokenize !== '13a' && flags.tokenize !== 'none') throw new UsageError(`--tokenize is "${String(flags.tokenize)}", expected 13a or none.`);
      const read = (path: string, what: string): string[] => readTextFile(path, what).replace(/\n$/, '').split('\n');
      const options = { tokenize: flags.tokenize, lowercase: flags.lowercase === true, smoothMethod: 'exp' } as const;
      const score = corpusBleu(read(flags.hyp, 'translation'), flags.ref.map((path) => read(path, 'reference')), options);
      const signature = bleuSignature(options, flags.ref.length);
      if (flags.json) console.log(JSON.stringify({ name: 'BLEU', ...score, signature }, null, 2));
      else console.log(`BLEU ${score.score.toFixed(2)} ${score.precisions.map((p) => p.toFixed(1)).join('/')} (BP ${score.bp.toFixed(3)}, ratio ${score.ratio.toFixed(3)}, hyp_len ${score.sysLen}, ref_len ${score.refLen})\n${signature}`);
    });
}
