/**
 * Whether only the machine itself can be reached by a host's name or address. A server for this machine alone answers
 * to such names only: another site's name could resolve to 127.0.0.1, and a browser would take its pages for the
 * server's.
 *
 * @param host without a port; an IPv6 address in brackets or not
 */
export function isLoopback(host: string): boolean {
  return /^(localhost|.*\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[?::1\]?)\.?$/i.test(host);
}

/** The host that a request's Host header names, without its port; empty if it names none. */
export function requestedHost(header: string | undefined): string {
  const url = `http://${header ?? ''}`;
  return URL.canParse(url) ? new URL(url).hostname : '';
}
