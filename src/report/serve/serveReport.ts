import { readdirSync, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { AblationData } from '../../ablation/ablationData.js';
import { gatherAblation } from '../../ablation/gatherAblation.js';
import { listen } from '../../storage/http/listen.js';
import { systemFailure } from '../../storage/systemFailure.js';
import { ablationMain, ablationPage } from '../html/ablationPage.js';
import { isLoopback, requestedHost } from './loopback.js';
import { pageHeaders } from './pageHeaders.js';

export interface ReportServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Milliseconds between checks of the folder, */
const lookEveryMs = 2000;
/** and the least share of idle time, since the runs need the cores. */
const restPerWork = 20;

/**
 * Serves the report of a folder on 127.0.0.1 and sends it again, as server-sent events, whenever a run has written
 * something.
 *
 * @param options.port 0: a free one
 * @throws ColdstartError code PORT if the port is taken or may not be used
 */
export async function serveReport(dir: string, { port }: { port: number }): Promise<ReportServer> {
  const readers = new Set<ServerResponse>();
  let shown = '';
  const server = createServer((request, response) => {
    if (!isLoopback(requestedHost(request.headers.host))) {
      response.writeHead(403).end();
    } else if (request.method !== 'GET') {
      response.writeHead(405, { allow: 'GET' }).end();
    } else if (request.url === '/') {
      respond(response, () => ablationPage(gather(dir), { liveScript }));
    } else if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write('retry: 2000\n\n');
      readers.add(response);
      shown = ''; // a browser that reconnects has an old page
      response.on('close', () => readers.delete(response));
    } else {
      response.writeHead(404).end();
    }
  });
  const taken = await listen(server, {
    host: '127.0.0.1',
    port,
    advice: 'or 0 for a free one',
    onError: () => {}, // a connection that cannot be accepted: the browser tries again
  });
  const sendPage = (): void => {
    if (readers.size === 0) return;
    try {
      const written = lastWritten(dir);
      if (written === shown) return;
      const main = ablationMain(gather(dir)).toString();
      shown = written;
      const event = `data: ${JSON.stringify(main)}\n\n`;
      for (const reader of readers) reader.write(event);
    } catch {
      // a file is being replaced, or the folder has gone: the page does not change until it can be read again
    }
  };
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const started = performance.now();
    sendPage();
    timer = setTimeout(look, Math.max(lookEveryMs, restPerWork * (performance.now() - started)));
  };
  timer = setTimeout(look, lookEveryMs);
  return {
    url: `http://127.0.0.1:${taken}/`,
    close: () => {
      clearTimeout(timer);
      for (const reader of readers) reader.end();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Significance takes seconds for many runs: only once all are complete. */
function gather(dir: string): AblationData {
  const data = gatherAblation(dir, { bootstrapSamples: 0 });
  return data.runs.every(({ scores }) => scores) ? gatherAblation(dir) : data;
}

function respond(response: ServerResponse, page: () => string): void {
  try {
    const text = page();
    response.writeHead(200, { ...pageHeaders, 'content-type': 'text/html; charset=utf-8' }).end(text);
  } catch (error) {
    response
      .writeHead(500, { ...pageHeaders, 'content-type': 'text/plain; charset=utf-8' })
      .end(`${(systemFailure(error) ?? (error as Error)).message}\n`);
  }
}

/** The modification times of the report's files; reads no contents. */
function lastWritten(dir: string): string {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(^|\/)(log\.jsonl|scores\.json|plan\.json|failures\.json)$/.test(name.replaceAll('\\', '/')),
  );
  return names.map((name) => `${name} ${statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs}`).join('\n');
}

/** Replaces the page's content when the server sends it again; opened sections and choices stay. */
const liveScript = `
new EventSource('/events').onmessage = ({ data }) => {
  const main = document.querySelector('main');
  const open = [...main.querySelectorAll('details')].map((element) => element.open);
  const chosen = main.querySelector('.legend button[aria-pressed=true]')?.dataset.arm;
  const sorted = [...main.querySelectorAll('table.sortable')].map((table) => {
    const column = [...table.tHead.rows[0].children].findIndex((head) => head.hasAttribute('aria-sort'));
    return column === -1 ? undefined : { column, direction: table.tHead.rows[0].children[column].getAttribute('aria-sort') === 'ascending' ? 1 : -1 };
  });
  const scrolled = [...main.querySelectorAll('.wide')].map((element) => element.scrollLeft);
  main.innerHTML = JSON.parse(data);
  main.querySelectorAll('details').forEach((element, i) => { element.open = open[i] ?? false; });
  main.querySelectorAll('table.sortable').forEach((table, i) => { if (sorted[i] && sorted[i].column < table.tHead.rows[0].children.length) sortTable(table, sorted[i].column, sorted[i].direction); });
  main.querySelectorAll('.wide').forEach((element, i) => { element.scrollLeft = scrolled[i] ?? 0; });
  highlight(chosen);
};
`;
