import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { environmentProxy } from '../../../src/feed/kubernetes/environment-proxy.ts';

const proxy = 'http://proxy:3128';

describe('which proxy', () => {
  const rows: readonly [string, string, Readonly<Record<string, string>>, string | undefined][] = [
    ['none', 'https://api', {}, undefined],
    ['by the scheme, https', 'https://api', { HTTPS_PROXY: proxy, HTTP_PROXY: 'http://other' }, proxy],
    ['by the scheme, http', 'http://api', { HTTPS_PROXY: 'http://other', HTTP_PROXY: proxy }, proxy],
    ['that of the other scheme is none', 'https://api', { HTTP_PROXY: proxy, ALL_PROXY: proxy }, undefined],
    ['lower case', 'https://api', { https_proxy: proxy }, proxy],
    ['upper case first', 'https://api', { HTTPS_PROXY: proxy, https_proxy: 'http://other' }, proxy],
    ['an empty one is not set', 'https://api', { HTTPS_PROXY: '', https_proxy: proxy }, proxy],
    ['without a scheme', 'https://api', { HTTPS_PROXY: '192.0.2.1:3128' }, 'http://192.0.2.1:3128'],
    ['without a scheme, by name', 'https://api', { HTTPS_PROXY: 'proxy:3128' }, proxy],
    ['SOCKS', 'https://api', { HTTPS_PROXY: 'socks5://proxy' }, 'socks5://proxy'],
    ['NO_PROXY in lower case', 'https://api', { HTTPS_PROXY: proxy, no_proxy: 'api' }, undefined],
  ];
  for (const [name, server, env, expected] of rows) {
    test(name, () => assert.equal(environmentProxy(server, env), expected));
  }
  for (const wrong of ['ftp://proxy', 'http://', 'http://proxy:99999']) {
    test(`${wrong}: said to be none`, () => {
      assert.throws(() => environmentProxy('https://api', { HTTPS_PROXY: wrong }), /^Error: HTTPS_PROXY is not/);
    });
  }
});

describe('what is never asked by way of one', () => {
  for (const server of ['https://localhost:6443', 'https://127.9.9.9', 'https://[::1]:6443', 'https://LOCALHOST']) {
    test(server, () => assert.equal(environmentProxy(server, { HTTPS_PROXY: proxy }), undefined));
  }
});

describe('NO_PROXY', () => {
  const rows: readonly [noProxy: string, direct: readonly string[], proxied: readonly string[]][] = [
    ['', [], ['foo.com']],
    ['*', ['foo.com', '192.0.2.1', '[2001:db8::1]'], []],
    ['bar.com, *', ['foo.com'], []],
    ['foo.com', ['foo.com', 'FOO.com', 'bar.foo.com', 'foo.com:6443'], ['xfoo.com', 'foo.com.bar', 'com']],
    ['.foo.com', ['bar.foo.com', 'a.b.foo.com'], ['foo.com', 'xfoo.com']],
    ['*.foo.com', ['bar.foo.com'], ['foo.com']],
    ['Foo.COM', ['foo.com'], []],
    ['foo.com:6443', ['foo.com:6443', 'bar.foo.com:6443'], ['foo.com', 'foo.com:643']],
    ['foo.com:443', ['foo.com', 'foo.com:443'], ['foo.com:6443']],
    [' a.com ,, b.com', ['a.com', 'b.com'], ['c.com']],
    ['10.0.0.0/8', ['10.96.0.1', '10.255.255.255:6443'], ['11.0.0.1', 'foo.com']],
    ['2001:db8::/32', ['[2001:db8::1]', '[2001:DB8:0::1]:6443'], ['[2001:db9::1]', '10.0.0.1']],
    ['192.0.2.1', ['192.0.2.1', '192.0.2.1:6443'], ['192.0.2.10', '1.192.0.2.1.nip.io']],
    ['192.0.2.1:6443', ['192.0.2.1:6443'], ['192.0.2.1']],
    ['2001:db8::1', ['[2001:db8::1]', '[2001:db8:0:0::1]:6443'], ['[2001:db8::2]']],
    ['[2001:db8::1]', ['[2001:db8::1]'], ['[2001:db8::2]']],
    ['[2001:db8::1]:6443', ['[2001:db8::1]:6443'], ['[2001:db8::1]']],
    ['.2.1', [], ['192.0.2.1']],
    [':6443,/8,10.0.0.0/99', [], ['foo.com:6443', '10.0.0.1']],
  ];
  for (const [noProxy, direct, proxied] of rows) {
    test(JSON.stringify(noProxy), () => {
      const proxyOf = (host: string) => environmentProxy(`https://${host}`, { HTTPS_PROXY: proxy, NO_PROXY: noProxy });
      for (const host of direct) assert.equal(proxyOf(host), undefined, host);
      for (const host of proxied) assert.equal(proxyOf(host), proxy, host);
    });
  }
});
