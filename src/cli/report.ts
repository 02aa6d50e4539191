import { extname } from 'node:path';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import { ablationFiles } from '../ablation/ablationFiles.js';
import type { AblationData } from '../ablation/ablationData.js';

const formats = ['html', 'md', 'csv', 'json'] as const;
type Format = (typeof formats)[number];

interface ReportFlags {
  format?: Format;
  out?: string;
}

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'Writes the results of the runs in a folder as a page of charts and tables. The folder is that of an ablation, complete or under way, or of one run.',
    )
    .argument('<dir>', 'folder that "ablate" or "train" made')
    .addOption(
      new Option(
        '--format <name>',
        'html: one self-contained page; md: tables; csv: one line per run; json: everything, curves included (default: by the ending of --out; html without it)',
      ).choices(formats),
    )
    .option(
      '--out <file>',
      'write there (default: html to report.html in the folder, replaced each time; others to the terminal)',
    )
    .addHelpText(
      'after',
      `
Examples:
  coldstart report runs/ablate-builtin
  coldstart report runs/ablate-builtin --out ablation.csv
  coldstart report runs/ablate-builtin --format md
"coldstart watch DIR" shows the same page during the runs.`,
    )
    .action(async (dir: string, flags: ReportFlags) => {
      const [{ gatherAblation }, { writeFileAtomic }, { checkOutputs }] = await Promise.all([
        import('../ablation/gatherAblation.js'),
        import('../storage/atomicFile.js'),
        import('../storage/checkOutputs.js'),
      ]);
      const format = flags.format ?? formatOf(flags.out);
      if (flags.out !== undefined) checkOutputs([flags.out]);
      const data = gatherAblation(dir);
      const page = ablationFiles(dir).page;
      if (flags.out === undefined && format === 'html') checkOutputs([page], { replace: true });
      const text = await formatReport(data, format);
      if (flags.out !== undefined) {
        writeFileAtomic(flags.out, text, { overwrite: false });
        console.error(flags.out);
      } else if (format === 'html') {
        writeFileAtomic(page, text);
        console.log(page);
      } else process.stdout.write(text);
    });
}

/** @throws UsageError for a file with another ending: it would hold a format that its name does not say */
function formatOf(out: string | undefined): Format {
  if (out === undefined) return 'html';
  const ending = extname(out).toLowerCase();
  const format = formats.find((name) => ending === `.${name}`);
  if (format === undefined)
    throw new UsageError(
      `--out is ${out}, expected a file that ends in ${formats.map((name) => `.${name}`).join(', ')}. Choose one of these, or name the format with --format.`,
    );
  return format;
}

async function formatReport(data: AblationData, format: Format): Promise<string> {
  switch (format) {
    case 'html':
      return (await import('../report/html/ablationPage.js')).ablationPage(data);
    case 'md':
      return (await import('../report/text/ablationReport.js')).ablationMarkdown(data);
    case 'csv':
      return (await import('../report/text/ablationCsv.js')).ablationCsv(data);
    case 'json':
      return `${JSON.stringify(data)}\n`;
  }
}
