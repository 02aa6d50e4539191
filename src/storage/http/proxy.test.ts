import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyFor } from './proxy.js';

test('proxies are chosen as curl and wget choose them', () => {
  const cases: [url: string, environment: Record<string, string>, proxy: string | null][] = [
    ['http://a.example/', {}, null],
    ['http://a.example/', { http_proxy: 'http://p:3128' }, 'http://p:3128/'],
    ['http://a.example/', { http_proxy: 'p:3128' }, 'http://p:3128/'],
    ['http://a.example/', { HTTP_PROXY: 'http://upper/', http_proxy: 'http://lower/' }, 'http://lower/'],
    ['http://a.example/', { http_proxy: '' }, null],
    ['https://a.example/', { http_proxy: 'http://p/' }, null],
    ['https://a.example/', { all_proxy: 'http://p/' }, 'http://p/'],
    ['https://a.example/', { https_proxy: 'http://p/', no_proxy: '*' }, null],
    ['https://a.example/', { https_proxy: 'http://p/', NO_PROXY: 'b.example, a.example' }, null],
    ['https://x.a.example/', { https_proxy: 'http://p/', no_proxy: '.a.example' }, null],
    ['https://xa.example/', { https_proxy: 'http://p/', no_proxy: 'a.example' }, 'http://p/'],
    ['https://a.example/', { https_proxy: 'http://p/', no_proxy: 'a.example:8443' }, 'http://p/'],
    ['https://a.example:8443/', { https_proxy: 'http://p/', no_proxy: 'a.example:8443' }, null],
  ];
  for (const [url, environment, proxy] of cases)
    assert.equal(proxyFor(new URL(url), environment)?.href ?? null, proxy, `${url} ${JSON.stringify(environment)}`);
});

test('a proxy that cannot be used is an error that names the variable', () => {
  assert.throws(
    () => proxyFor(new URL('http://a.example/'), { http_proxy: 'socks5://p:1080' }),
    /http_proxy is "socks5:\/\/p:1080", expected the address of an http proxy/,
  );
});
