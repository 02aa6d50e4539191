import type { Command } from 'commander';

/** Commands by name, each from its own module: whoever starts one does not wait for the others to load. */
export type CommandModules = Readonly<Record<string, () => Promise<Command>>>;

/** The command of that name alone if there is one, else (for help and for what is misspelt) all of them. */
export function loadCommands(modules: CommandModules, name: string | undefined): Promise<Command[]> {
  const wanted = name !== undefined && Object.hasOwn(modules, name) ? [modules[name]] : Object.values(modules);
  return Promise.all(wanted.map((load) => load()));
}
