import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { UsageError } from '../../errors.js';
import { filterLines, inputOption, outputOption, type FilterFlags } from '../filterLines.js';
import { withoutLineEnd } from '../../text/linePairs.js';

interface ApplyFlags extends FilterFlags {
  tokenizer: string;
  format: 'piece' | 'id';
  special?: boolean;
  decode?: boolean;
}

export function applyTokenizerCommand(): Command {
  return new Command('apply-tokenizer')
    .description('Splits text into the tokens of a Hugging Face tokenizer.json; with --decode the way back.')
    .addOption(inputOption())
    .addOption(outputOption())
    .requiredOption('-t, --tokenizer <file>', 'tokenizer.json')
    .addOption(
      new Option('--format <name>', 'of what is written, or with --decode read')
        .choices(['piece', 'id'])
        .default('piece'),
    )
    .option('--special', 'with --format id: also the special tokens that the tokenizer puts around a line')
    .option('--decode', 'tokens or ids to text')
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus apply-tokenizer -t tokenizer.json < train.de > train.tok.de
  coldstart corpus apply-tokenizer -t tokenizer.json --format id < train.de
  coldstart corpus apply-tokenizer -t tokenizer.json --decode < hyp.tok > hyp.txt`,
    )
    .action(async ({ tokenizer: path, format, special, decode, ...files }: ApplyFlags) => {
      if (special && (decode || format === 'piece'))
        throw new UsageError('--special goes with --format id and without --decode.');
      const [{ TokenizerJson }, { mapWithinTime }] = await Promise.all([
        import('../../text/subwords/tokenizerJson.js'),
        import('../../text/boundedTime.js'),
      ]);
      const tokenizer = TokenizerJson.read(path);
      const tokenOf = (word: string): string => {
        if (format === 'piece') return word;
        if (!/^\d+$/.test(word))
          throw new UsageError(`${JSON.stringify(word)} is no id. For tokens leave --format out.`);
        return tokenizer.tokenOf(Number(word));
      };
      await filterLines(files, (lines) =>
        mapWithinTime(path, lines.map(withoutLineEnd), (line) => {
          if (decode)
            return tokenizer.join(
              line
                .split(' ')
                .filter((word) => word !== '')
                .map(tokenOf),
            );
          return (
            format === 'piece' ? tokenizer.segment(line) : tokenizer.encode(line, { withSpecialTokens: special })
          ).join(' ');
        }),
      );
    });
}

interface ExportFlags {
  corpus: string;
  out: string;
  side?: 'src' | 'trg';
}

export function exportTokenizerCommand(): Command {
  return new Command('export-tokenizer')
    .description(
      "Writes a prepared corpus's way from words to ids as tokenizer.json, for Transformers.js, Transformers and tokenizers.",
    )
    .requiredOption('--corpus <dir>', 'prepared corpus, or the text folder of a run')
    .requiredOption('--out <dir>', 'new folder: tokenizer.json, tokenizer_config.json, special_tokens_map.json')
    .addOption(new Option('--side <name>', 'which side, where the two differ').choices(['src', 'trg']))
    .addHelpText(
      'after',
      `
Example:
  coldstart corpus export-tokenizer --corpus runs/data/multi30k-en-de --out tokenizer`,
    )
    .action(async ({ corpus, out, side }: ExportFlags) => {
      const [{ readTextPipeline }, { exportTokenizer }, { writeFolderAtomic }, { checkOutputs }] = await Promise.all([
        import('../../text/textPipeline.js'),
        import('../../text/tokenizerExport/exportTokenizer.js'),
        import('../../storage/atomicFolder.js'),
        import('../../storage/checkOutputs.js'),
      ]);
      checkOutputs([out], { kind: 'folder' });
      const parts = readTextPipeline(corpus);
      const { files, notes } = exportTokenizer(parts, side ?? 'trg');
      if (side === undefined && files['tokenizer.json'] !== exportTokenizer(parts, 'src').files['tokenizer.json']) {
        throw new UsageError(
          `source and target of ${corpus} have different subwords or vocabularies. Say which one with --side src or --side trg.`,
        );
      }
      await writeFolderAtomic(out, (folder) => {
        for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      });
      for (const note of notes) console.error(`coldstart: ${note}.`);
    });
}
