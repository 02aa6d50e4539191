/**
 * An argument of node that gives a child so many bytes of memory in all, as far as `availableMemory` can see: no swap
 * space, and a new control group with this limit.
 */
export function limitedMemory(bytes: number): string {
  const program = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';
    const read = fs.readFileSync;
    fs.readFileSync = (path, ...rest) => {
      if (String(path).startsWith('/proc/meminfo') || String(path).startsWith('/sys/fs/cgroup')) throw new Error('not here');
      return read(path, ...rest);
    };
    syncBuiltinESMExports();
    process.constrainedMemory = () => ${bytes};`;
  return `--import=data:text/javascript,${encodeURIComponent(program)}`;
}
