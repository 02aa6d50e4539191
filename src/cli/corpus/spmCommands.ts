import { Command, Option } from 'commander';
import { counted } from '../../counted.js';
import { UsageError } from '../../errors.js';
import type { Values } from '../../field.js';
import { sentencePieceFields as fields } from '../../text/sentencepiece/options.js';
import { filterLines, inputOption, outputOption, readLines, type FilterFlags } from '../filterLines.js';
import { withoutLineEnd } from '../../text/linePairs.js';
import { fieldOption, fieldValue } from '../options.js';

interface LearnFlags {
  input?: string[];
  model: string;
  vocabSize: number;
  type: Values<typeof fields>['modelType'];
  characterCoverage: number;
  normalization: Values<typeof fields>['normalization'];
  symbols: string[];
  controlSymbols: string[];
  byteFallback?: boolean;
  softLimit?: boolean;
  splitDigits?: boolean;
  maxPieceLength: number;
}

export function learnSpmCommand(): Command {
  return new Command('learn-spm')
    .description(
      'Learns a SentencePiece model from raw text, which SentencePiece and everything built on it loads, as spm_train.',
    )
    .addOption(
      new Option('-i, --input <files...>', 'raw text, plain or .gz, learnt from together (default: standard input)'),
    )
    .requiredOption('-o, --model <file>', 'model to write; its vocabulary is stored next to it as .vocab')
    .option('-n, --vocab-size <n>', 'pieces, special ones included', fieldValue(fields.vocabSize), 8000)
    .addOption(fieldOption('--type <name>', 'unigram language model, or byte-pair merges', fields.modelType))
    .option(
      '--character-coverage <share>',
      "share of the text's characters that get a piece; 1 for small alphabets",
      fieldValue(fields.characterCoverage),
      fields.characterCoverage.default,
    )
    .addOption(fieldOption('--normalization <name>', 'before anything else', fields.normalization))
    .option('--symbols <pieces...>', 'always one piece each, anywhere in the text', [])
    .option('--control-symbols <pieces...>', 'pieces that text never becomes', [])
    .option('--byte-fallback', 'spell unknown characters as bytes')
    .option('--split-digits', 'every digit is a separate piece')
    .option('--max-piece-length <n>', 'characters', fieldValue(fields.maxPieceLength), fields.maxPieceLength.default)
    .option('--soft-limit', 'accept fewer pieces if the text has no more')
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus learn-spm -i train.de train.en -n 8000 --character-coverage 1 -o joint.model
  zcat train.ja.gz | coldstart corpus learn-spm --type bpe -n 16000 -o ja.model`,
    )
    .action(async ({ input, model: path, vocabSize, type, symbols, ...flags }: LearnFlags) => {
      const [{ learnSentencePiece }, { writeFileAtomic }, { checkOutputs }, { ProgressBar }] = await Promise.all([
        import('../../text/sentencepiece/learnSentencePiece.js'),
        import('../../storage/atomicFile.js'),
        import('../../storage/checkOutputs.js'),
        import('../../report/progress/progressBar.js'),
      ]);
      if (!path.endsWith('.model'))
        throw new UsageError(`the model is to be written to ${path}; its name has to end in .model.`);
      const vocabPath = path.replace(/\.model$/, '.vocab');
      checkOutputs([path, vocabPath]);
      const reading = new ProgressBar({ label: 'read', unit: 'lines' });
      let learning: InstanceType<typeof ProgressBar> | undefined;
      reading.update(0); // the rules of the normalisation are compiled first
      let numLines = 0;
      async function* lines(): AsyncGenerator<string> {
        for (const file of input ?? [undefined]) {
          for await (const block of readLines(file)) {
            for (const line of block) yield withoutLineEnd(line);
            reading.update((numLines += block.length));
          }
        }
        reading.finish();
      }
      const { model, vocab, numPieces, tooLong } = await learnSentencePiece(lines(), {
        ...flags,
        vocabSize,
        modelType: type,
        userDefinedSymbols: symbols,
        onProgress: (done, total, unit) => {
          learning ??= new ProgressBar({ label: 'learn-spm', total, unit, startAt: done });
          learning.update(done);
        },
      });
      learning?.finish();
      writeFileAtomic(path, model, { overwrite: false });
      writeFileAtomic(vocabPath, vocab, { overwrite: false });
      if (tooLong > 0)
        console.error(
          `coldstart: ${counted(tooLong, 'line')} of more than ${fields.maxLineBytes.default.toLocaleString('en')} bytes left out.`,
        );
      if (numPieces < vocabSize) console.error(`coldstart: the model has ${numPieces} pieces; the text has no more.`);
    });
}

interface ApplyFlags extends FilterFlags {
  model: string;
  format: 'piece' | 'id';
  decode?: boolean;
}

export function applySpmCommand(): Command {
  return new Command('apply-spm')
    .description(
      'Splits raw text into the pieces of a SentencePiece model, as spm_encode; with --decode the way back, as spm_decode.',
    )
    .addOption(inputOption())
    .addOption(outputOption())
    .requiredOption('-m, --model <file>', 'SentencePiece model')
    .addOption(
      new Option('--format <name>', 'of what is written, or with --decode read')
        .choices(['piece', 'id'])
        .default('piece'),
    )
    .option('--decode', 'pieces or ids to text')
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus apply-spm -m joint.model < train.de > train.spm.de
  coldstart corpus apply-spm -m joint.model --decode < hyp.spm > hyp.txt`,
    )
    .action(async ({ model: path, format, decode, ...files }: ApplyFlags) => {
      const { SentencePiece } = await import('../../text/subwords/sentencePiece.js');
      const model = await SentencePiece.open(path);
      try {
        const { pieces, unknownId } = model.info;
        if (decode) {
          const pieceOf = (token: string): string => {
            if (format === 'piece') return token;
            const id = Number(token);
            if (!Number.isInteger(id) || id < 0 || id >= pieces.length)
              throw new UsageError(
                `${JSON.stringify(token)} is no id of ${path}: expected 0 to ${pieces.length - 1}. For pieces leave --format out.`,
              );
            return pieces[id];
          };
          await filterLines(files, (lines) =>
            lines.map((line) =>
              model.decode(
                withoutLineEnd(line)
                  .split(' ')
                  .filter((token) => token !== '')
                  .map(pieceOf),
              ),
            ),
          );
        } else {
          const ids = new Map(pieces.map((piece, id) => [piece, id]));
          await filterLines(files, async (lines) =>
            (await model.encode(lines.map(withoutLineEnd))).map((own) =>
              (format === 'piece' ? own : own.map((piece) => ids.get(piece) ?? unknownId)).join(' '),
            ),
          );
        }
      } finally {
        await model.close();
      }
    });
}
