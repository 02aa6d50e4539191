import type { Command } from 'commander';

/** Commands by name, each from its own module, so that starting one does not load the others. */
export type CommandModules = Readonly<Record<string, () => Promise<Command>>>;

/** Only the command of that name if it exists; otherwise (for help and misspelt names) all commands. */
export function loadCommands(modules: CommandModules, name: string | undefined): Promise<Command[]> {
  const wanted = name !== undefined && Object.hasOwn(modules, name) ? [modules[name]] : Object.values(modules);
  return Promise.all(wanted.map((load) => load()));
}
