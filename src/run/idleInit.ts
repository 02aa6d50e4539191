import { settingPlace } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import type { Field } from '../field.js';
import { learnedInits, settingsOf } from '../initial/learnedInits.js';
import type { LearnedInit } from '../initial/learnedInit.js';

/**
 * One line for each learned initialisation that a configuration has settings of, but does not switch on: they are ready
 * for the arms of an ablation, and a single run does not use them.
 */
export function idleInitNotes(config: Config): string[] {
  return (learnedInits as readonly LearnedInit[]).flatMap((method) => {
    const settings: Record<string, unknown> = settingsOf(config, method);
    if (method.isOn(settings as never, config.model)) return [];
    const { on, off } = method.switch;
    const idle = Object.entries(method.fields as Record<string, Field<unknown>>)
      .map(([name, { default: initial }]) => ({ name, key: `${method.name}.${name}`, initial }))
      .filter(({ name, key, initial }) => key !== on && JSON.stringify(settings[name]) !== JSON.stringify(initial))
      .map(({ key }) => {
        const place = settingPlace(config, key);
        return place === undefined ? key : `${key} (${place})`;
      });
    if (idle.length === 0) return [];
    const [have, them] = idle.length === 1 ? ['has', 'it'] : ['have', 'them'];
    return [
      `note: ${idle.join(', ')} ${have} no effect on this run, as ${on} is ${off}. Set it, or leave ${them} out.`,
    ];
  });
}
