import { UsageError } from '../../errors.js';

/** Environment variables, usually `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for a URL: `http_proxy`, `https_proxy`, `all_proxy`, unless `no_proxy` lists the
 * host; lower case before upper case.
 *
 * @returns null if the request goes straight to the host
 * @throws UsageError for a proxy that is not an http or https URL
 * Source: the conventions of curl and wget.
 */
export function proxyFor(url: URL, environment: Environment): URL | null {
  const named = (name: string): string | undefined => environment[name] || environment[name.toUpperCase()] || undefined;
  if (isExempt(url, named('no_proxy') ?? '')) return null;
  const variable = named(`${url.protocol.slice(0, -1)}_proxy`) ? `${url.protocol.slice(0, -1)}_proxy` : 'all_proxy';
  const text = named(variable);
  if (text === undefined) return null;
  const proxy = parseProxy(text);
  if (proxy === null)
    throw new UsageError(
      `${variable} is ${JSON.stringify(text)}, expected the address of an http proxy such as http://proxy.example:3128. Change it, or list ${url.hostname} in no_proxy.`,
    );
  return proxy;
}

function parseProxy(text: string): URL | null {
  try {
    const url = new URL(text.includes('://') ? text : `http://${text}`);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}

/** Whether a list such as `localhost, .example.com, host:8080, *` covers the URL's host. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name, entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry)!;
      if (entryPort !== undefined && entryPort !== port) return false;
      const domain = name.replace(/^\*?\./, '');
      return host === domain || host.endsWith(`.${domain}`);
    });
}
