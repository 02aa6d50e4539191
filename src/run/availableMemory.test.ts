import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usedInContainer } from './availableMemory.js';

const usedWith = (files: Record<string, string>): number | undefined => usedInContainer((path) => files[path]);

test('cached files of a container do not count as used, in both versions of control groups', () => {
  const second = 'anon 100\nfile 850\ninactive_file 500\nactive_file 300\nshmem 50\n';
  const inRoot = { '/sys/fs/cgroup/memory.current': '1000\n', '/sys/fs/cgroup/memory.stat': second };
  assert.equal(usedWith({ '/proc/self/cgroup': '0::/\n', ...inRoot }), 200);
  assert.equal(usedWith({ '/proc/self/cgroup': '0::/not/mounted/here\n', ...inRoot }), 200);
  const inSlice = {
    '/sys/fs/cgroup/user.slice/memory.current': '700\n',
    '/sys/fs/cgroup/user.slice/memory.stat': 'inactive_file 1\n',
  };
  assert.equal(usedWith({ '/proc/self/cgroup': '0::/user.slice\n', ...inRoot, ...inSlice }), 699);
  const first =
    'cache 5\ninactive_file 7\nactive_file 9\ntotal_cache 800\ntotal_inactive_file 500\ntotal_active_file 300\n';
  const groups = '5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n0::/\n';
  for (const place of ['/sys/fs/cgroup/memory/docker/a', '/sys/fs/cgroup/memory'])
    assert.equal(
      usedWith({
        '/proc/self/cgroup': groups,
        [`${place}/memory.usage_in_bytes`]: '1000\n',
        [`${place}/memory.stat`]: first,
      }),
      200,
    );
  assert.equal(usedWith({}), undefined);
});
