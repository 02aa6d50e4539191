import { readFileSync } from 'node:fs';
import { freemem, platform, totalmem } from 'node:os';
import { join } from 'node:path';

/**
 * Bytes that this process can have in all, those that it has already included: what the system has left or could free, and the
 * limit of its container. Swap space counts, since what it holds does not fail.
 */
export function availableMemory(): number {
  const own = process.memoryUsage.rss();
  return own + Math.min(leftInSystem(), leftInContainer());
}

function leftInSystem(): number {
  // elsewhere free memory does not count what caches would give up
  if (platform() !== 'linux') return totalmem();
  return freemem() + swapFree();
}

function swapFree(): number {
  return 1024 * Number(/^SwapFree: +(\d+) kB$/m.exec(contentOf('/proc/meminfo') ?? '')?.[1] ?? 0);
}

/** Infinity where there is no limit; where use is not known, nothing but this process is taken to use it. */
function leftInContainer(): number {
  const limit = process.constrainedMemory();
  if (limit === undefined || limit === 0 || limit >= totalmem()) return Infinity;
  const used = usedInContainer() ?? process.memoryUsage.rss();
  return Math.max(0, limit - used) + swapFree();
}

/**
 * Memory of the control group, without files' pages that would be given up (recently read ones too); undefined if it cannot be read.
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
