// The options of scripts/interop. Run as a program, this file only checks them, before anything is built.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

const help = `Usage: scripts/interop [options]

Exports models, has other programs translate with them, and compares with coldstart translate.

  --folder DIR        scratch folder; what is there already is kept (default: runs/interop)
  --run NAME=DIR      a run to export instead of the small ones that are trained here; may be repeated
  --use WHICH         with --run: best, last or average
  --source FILE       with --run: lines to translate (default: test.src of the run)
  --reference FILE    with --run: their references (default: test.ref of the run)
  --lines N           at most so many lines (default: 500)
  --updates N         length of the trainings (default: 1500)
  --only TEXT         only consumers and formats whose name holds TEXT
  --npm DIR           folder with node_modules to use instead of installing
  --python FILE       Python with its packages to use instead of installing`;

function refuse(message) {
  console.error(`${message} See scripts/interop --help.`);
  process.exit(2);
}

/** The given options. Prints the help where it is asked for; ends the process for wrong ones. */
export function interopOptions() {
  const options = parsed();
  if (options.help) {
    console.log(help);
    process.exit(0);
  }
  for (const name of ['lines', 'updates'])
    if (!/^[1-9]\d*$/.test(options[name]))
      refuse(`--${name} is "${options[name]}", expected an integer of at least 1.`);
  return options;
}

function parsed() {
  try {
    return parseArgs({
      options: {
        folder: { type: 'string', default: join(root, 'runs/interop') },
        run: { type: 'string', multiple: true, default: [] },
        use: { type: 'string' },
        source: { type: 'string' },
        reference: { type: 'string' },
        lines: { type: 'string', default: '500' },
        updates: { type: 'string', default: '1500' },
        only: { type: 'string' },
        npm: { type: 'string' },
        python: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return refuse(`${error.message.split('. ', 1)[0]}.`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) interopOptions();
