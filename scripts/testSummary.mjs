// Reporter for node:test: lists what was skipped and why; the last line counts passed, failed and skipped tests.
export default async function* testSummary(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const reasons = new Map();
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite' && !data.skip) continue;
    if (type === 'test:fail') counts.failed++;
    else if (data.skip === undefined || data.skip === false) counts.passed++;
    else {
      counts.skipped++;
      const reason = typeof data.skip === 'string' ? data.skip : 'no reason given';
      reasons.set(reason, [...(reasons.get(reason) ?? []), data.name]);
    }
  }
  for (const [reason, names] of reasons) yield `skipped, ${reason}:\n${names.map((name) => `  ${name}\n`).join('')}`;
  const named = [...reasons].map(([reason, names]) => `${names.length}: ${reason}`).join('; ');
  yield `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped${named && ` (${named})`}\n`;
}
