import { spawn, spawnSync } from 'node:child_process';

/** Why tests on a pseudo-terminal are skipped here; undefined if they run. */
export const noPseudoTerminal = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')
  ? undefined
  : 'no pseudo-terminal: script(1) of util-linux is missing (Debian: apt-get install bsdutils)';

export interface Typed {
  /** What the terminal shows before this is typed. */
  readonly after: RegExp;
  /** Keys; null closes the terminal, as its window's closing does. */
  readonly keys: string | null;
}

/**
 * Runs a shell command on a new terminal.
 *
 * @param typed what is typed, one after the other, each once the text since the one before matches
 * @returns status and everything that the terminal received; the status is null where the terminal was closed
 */
export function onTerminal(
  command: string,
  {
    cwd,
    columns,
    env = {},
    typed = [],
  }: {
    readonly cwd: string;
    readonly columns: number;
    readonly env?: NodeJS.ProcessEnv;
    readonly typed?: readonly Typed[];
  },
): Promise<{ status: number | null; shown: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qec', `stty cols ${columns} rows 24; ${command}`, '/dev/null'], {
      cwd,
      env: { ...process.env, TERM: 'xterm', CI: '', SHELL: '/bin/sh', ...env },
    });
    let shown = '';
    let from = 0;
    const waiting = [...typed];
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
      const [next] = waiting;
      if (next === undefined || !next.after.test(shown.slice(from))) return;
      waiting.shift();
      from = shown.length;
      if (next.keys === null) child.kill('SIGKILL');
      else child.stdin.write(next.keys);
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, shown }));
  });
}

/** The states of the line that is redrawn in place, and the lines that stay, in the order in which they were shown. */
export function shownLines(shown: string): { readonly redrawn: string[]; readonly kept: string[] } {
  const redrawn: string[] = [];
  const kept: string[] = [];
  for (const [, line, end] of shown.matchAll(/([^\r\n\x1b]*)(\x1b\[K|\r\n)/g)) {
    if (line !== '') (end === '\r\n' ? kept : redrawn).push(line);
  }
  return { redrawn, kept };
}
