import { flatten } from './loadConfig.js';
import type { Section } from '../field.js';
import { schema } from './schema.js';

/** docs/reference/config.md: every setting with its values, default and help, made from the schema. */
export function configReference(): string {
  const top = Object.entries(schema)
    .filter(([, entry]) => 'isField' in entry)
    .map(([key]) => key);
  const groups = Object.keys(schema).filter((key) => !top.includes(key));
  const all = flatten(schema as Section);
  const rowsOf = (belongs: (key: string) => boolean): string[] => [
    '| setting | value | default | |',
    '| --- | --- | --- | --- |',
    ...all
      .filter(([key]) => belongs(key))
      .map(([key, { accepts, unit, default: value, help }]) =>
        `| \`${key}\` | ${accepts}${unit === undefined ? '' : ` (${unit})`} | ${value === undefined ? 'not set' : `\`${JSON.stringify(value)}\``} | ${help} |`.replaceAll(
          '\n',
          ' ',
        ),
      ),
  ];
  return (
    [
      '# Settings',
      '',
      'Made from `src/config/schema.ts` by `npm run docs`; a test checks that it is current.',
      '',
      'A configuration is a YAML file. `extends: other.yaml` starts from another one (path relative to the file); its',
      'own settings win. `--set train.lr=0.001` on the command line changes any setting. Keys are nested or dotted.',
      'Paths are relative to the file that contains them; paths in `--set` are relative to the current folder.',
      'Unknown keys are errors. Every run stores all its settings as `config.yaml`, which is a configuration again.',
      '',
      'coldstart ships the configurations in [configs/](../../configs). `configs/NAME.yaml` names one of them',
      'wherever no such file exists, with `-c` and with `extends`. Its paths are then relative to that `configs/`,',
      'where the file would be, so a run never writes into `node_modules`. A configuration inside `node_modules`',
      'works as if its package were the current folder.',
      '',
      '`recipe: { name: iwslt14, pair: de-en, dir: corpora }` takes two things from `corpus fetch iwslt14`: its text',
      '(languages and files, below `dir`, its `--dir`) and the `corpus` section of its recipe. Settings of the file',
      "itself win. `pair: en-de` exchanges the sides. The default of `pair` is the recipe's first pair, and that of",
      '`dir` is the folder `corpora` below the current folder. A configuration that extends this one and names other',
      'training files takes nothing from the recipe.',
      '',
      ...rowsOf((key) => top.includes(key)),
      '',
      ...groups.flatMap((group) => [`## ${group}`, '', ...rowsOf((key) => key.startsWith(`${group}.`)), '']),
    ]
      .join('\n')
      .trimEnd() + '\n'
  );
}
