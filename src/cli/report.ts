import { Command, Option } from 'commander';

interface ReportFlags {
  format: 'md' | 'csv' | 'json';
  out?: string;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('What the runs in a folder came to: the folder of an ablation, complete or under way, or of one run.')
    .argument('<dir>', 'folder that "ablate" or "train" made')
    .addOption(new Option('--format <name>', 'md: tables; csv: one line per run; json: everything, curves included').choices(['md', 'csv', 'json']).default('md'))
    .option('--out <file>', 'write there instead of to the terminal')
    .addHelpText('after', `
Examples:
  coldstart report runs/ablate-builtin
  coldstart report runs/ablate-builtin --format csv --out ablation.csv`)
    .action(async (dir: string, { format, out }: ReportFlags) => {
      const [{ gatherAblation }, { ablationMarkdown }, { ablationCsv }, { writeFileAtomic }, { refuseExisting }] = await Promise.all([
        import('../experiment/gatherAblation.js'), import('../report/ablationReport.js'), import('../report/ablationCsv.js'),
        import('../storage/atomicFile.js'), import('../storage/textOutput.js'),
      ]);
      if (out !== undefined) refuseExisting([out]);
      const data = gatherAblation(dir);
      const text = format === 'md' ? ablationMarkdown(data) : format === 'csv' ? ablationCsv(data) : `${JSON.stringify(data)}\n`;
      if (out === undefined) process.stdout.write(text);
      else writeFileAtomic(out, text, { overwrite: false });
    });
}
