import { readFileSync } from 'node:fs';
import { freemem, platform, totalmem } from 'node:os';
import { join } from 'node:path';

/**
 * Bytes that this process can have in total, including those that it has: limited by the system's free and reclaimable
 * memory and by its container. Swap space counts, since a process that uses it does not fail.
 */
export function availableMemory(): number {
  const own = process.memoryUsage.rss();
  return own + Math.min(leftInSystem(), leftInContainer());
}

function leftInSystem(): number {
  // on other systems free memory does not include reclaimable caches
  if (platform() !== 'linux') return totalmem();
  return freemem() + swapFree();
}

function swapFree(): number {
  return 1024 * Number(/^SwapFree: +(\d+) kB$/m.exec(contentOf('/proc/meminfo') ?? '')?.[1] ?? 0);
}

/** Infinity without a limit; if the use is unknown, only this process is assumed to use it. */
function leftInContainer(): number {
  const limit = process.constrainedMemory();
  if (limit === undefined || limit === 0 || limit >= totalmem()) return Infinity;
  const used = usedInContainer() ?? process.memoryUsage.rss();
  return Math.max(0, limit - used) + swapFree();
}

/**
 * Memory of the control group, without reclaimable pages of files (including recently read ones); undefined if it
 * cannot be read.
 * @param read the content of a system file; undefined if it cannot be read
 */
export function usedInContainer(read: (path: string) => string | undefined = contentOf): number | undefined {
  const groups = read('/proc/self/cgroup') ?? '';
  const second = /^0::(.+)$/m.exec(groups)?.[1];
  const first = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.+)$/m.exec(groups)?.[1];
  // within a container its own group is mounted as the root
  const places =
    first === undefined
      ? ['/sys/fs/cgroup', ...(second === undefined ? [] : [join('/sys/fs/cgroup', second)])].reverse()
      : [join('/sys/fs/cgroup/memory', first), '/sys/fs/cgroup/memory'];
  const [file, prefix] = first === undefined ? ['memory.current', ''] : ['memory.usage_in_bytes', 'total_'];
  for (const place of places) {
    const used = read(join(place, file));
    if (used === undefined) continue;
    const pages = [...(read(join(place, 'memory.stat')) ?? '').matchAll(/^(\w+) (\d+)$/gm)]
      .filter(([, name]) => name === `${prefix}inactive_file` || name === `${prefix}active_file`)
      .reduce((sum, [, , bytes]) => sum + Number(bytes), 0);
    return Math.max(0, Number(used) - pages);
  }
  return undefined;
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
