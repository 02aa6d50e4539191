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
      'A configuration is a YAML file. `extends: other.yaml` takes another one over (path relative to the file) and changes what it sets',
      'itself; `--set train.lr=0.001` on the command line changes any setting. Keys are nested or dotted. Paths are relative to the file',
      'they stand in, those in `--set` to the current folder. Unknown keys are errors. Every run saves its settings, all of them, as',
      '`config.yaml`, which is a configuration again.',
      '',
      'coldstart brings the configurations in [configs/](../../configs). `configs/NAME.yaml` names one of them wherever no such file exists,',
      'with `-c` and with `extends`, and its paths are then relative to that `configs/`. So a run never writes into `node_modules`; a',
      'configuration inside `node_modules` works as if its package were the current folder.',
      '',
      '`recipe: { name: iwslt14, pair: de-en, dir: corpora }` takes over the text of `corpus fetch iwslt14` (languages and files, below `dir`,',
      'its `--dir`) and what the recipe says in its `corpus` section; settings of the file itself win. `pair: en-de` exchanges the sides.',
      'Without `pair` it is the first of the recipe, without `dir` the folder `corpora` below the current folder. A configuration that',
      'extends this one and names other training files takes over nothing from the recipe.',
      '',
      ...rowsOf((key) => top.includes(key)),
      '',
      ...groups.flatMap((group) => [`## ${group}`, '', ...rowsOf((key) => key.startsWith(`${group}.`)), '']),
    ]
      .join('\n')
      .trimEnd() + '\n'
  );
}
