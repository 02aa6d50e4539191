/** Numbers about a service in Prometheus' text format. */
export class Metrics {
  private readonly counters = new Map<string, { help: string; values: Map<string, number> }>();
  private readonly histograms = new Map<string, Histogram & { help: string }>();

  /** Adds to a counter. @param labels e.g. `status="200"`; values must need no escaping */
  count(name: string, help: string, labels = '', by = 1): void {
    const counter = this.counters.get(name) ?? { help, values: new Map<string, number>() };
    this.counters.set(name, counter);
    counter.values.set(labels, (counter.values.get(labels) ?? 0) + by);
  }

  /** Adds a value to a histogram. @param bounds upper bounds of its buckets, ascending */
  observe(name: string, help: string, bounds: readonly number[], value: number): void {
    const histogram = this.histograms.get(name) ?? { help, bounds, counts: bounds.map(() => 0), sum: 0, count: 0 };
    this.histograms.set(name, histogram);
    bounds.forEach((bound, i) => {
      if (value <= bound) histogram.counts[i]++;
    });
    histogram.sum += value;
    histogram.count++;
  }

  /** @param gauges what holds at this moment: name, help, value */
  toText(gauges: readonly (readonly [name: string, help: string, value: number])[]): string {
    const lines: string[] = [];
    const head = (name: string, help: string, type: string): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    };
    for (const [name, help, value] of gauges) {
      head(name, help, 'gauge');
      lines.push(`${name} ${value}`);
    }
    for (const [name, { help, values }] of this.counters) {
      head(name, help, 'counter');
      for (const [labels, value] of values) lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${value}`);
    }
    for (const [name, { help, bounds, counts, sum, count }] of this.histograms) {
      head(name, help, 'histogram');
      bounds.forEach((bound, i) => lines.push(`${name}_bucket{le="${bound}"} ${counts[i]}`));
      lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sum}`, `${name}_count ${count}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

interface Histogram {
  readonly bounds: readonly number[];
  /** Values up to each bound. */
  readonly counts: number[];
  sum: number;
  count: number;
}
