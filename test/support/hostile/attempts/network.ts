/** Reaching for the network from the running program, or by an import. */
import { byProgram, byTree } from '../attempt.ts';
import type { Family } from '../attempt.ts';
import { reporting } from '../programs.ts';

const calls = (port: number): Readonly<Record<string, readonly [string, string, string?]>> => {
  const url = `http://127.0.0.1:${port}/`;
  return {
    'net.connect': [`import net from 'net';`, `net.connect(${port}, '127.0.0.1');`],
    'http.get': [`import http from 'node:http';`, `http.get('${url}');`],
    'https.request': [`import https from 'node:https';`, `https.request('${url}').end();`],
    'http2.connect': [`import http2 from 'node:http2';`, `http2.connect('${url}');`],
    'tls.connect': [`import tls from 'tls';`, `tls.connect(${port});`],
    'dgram.send': [`import dgram from 'dgram';`, `dgram.createSocket('udp4').send('x', ${port}, '127.0.0.1');`],
    'dns.lookup': [`import dns from 'dns';`, `dns.lookup('localhost', () => 0);`],
    'dns/promises': [`import { lookup } from 'dns/promises';`, `await lookup('localhost');`],
    inspector: [`import inspector from 'inspector';`, `inspector.open(${port});`],
    fetch: ['', `await fetch('${url}');`],
    WebSocket: ['', `new WebSocket('ws://127.0.0.1:${port}');`],
    XMLHttpRequest: ['', `new (globalThis as any).XMLHttpRequest().open('GET', '${url}');`],
    EventSource: ['', `new (globalThis as any).EventSource('${url}');`],
  };
};

export const network: Family = {
  title: 'the network',
  attempts: ({ port }) => {
    const url = `http://127.0.0.1:${port}/x.ts`;
    const reached = Object.entries(calls(port)).map(([name, [imports, call]]) =>
      byProgram(`calling ${name}`, `${imports}\n${call}\n`, {
        expected: { refused: 'main.ts:2 forbidden-api', says: 'using the network is not possible in a policy program' },
      }),
    );
    return [
      ...reached,
      byProgram('importing an address', `import x from '${url}';\nconsole.log(x);\n`, {
        expected: { refused: 'main.ts:1 import-refused', says: 'nothing is fetched' },
      }),
      byProgram('importing an address at run time', `const url = '${url}';\nawait import(url);\n`, {
        expected: { refused: 'main.ts:2 forbidden-api' },
      }),
      byProgram(
        'catching every refusal and going on',
        reporting(`for (const module of ['net', 'http', 'dgram', 'dns', 'tls', 'http2']) {
  for (const call of ['connect', 'get', 'request', 'createConnection', 'createSocket', 'lookup', 'Socket', 'Agent']) {
    try { (process as any).getBuiltinModule(module)[call](${port}, '127.0.0.1'); out[module + call] = 'done'; } catch {}
  }
}`),
        { expected: { made: [{ kind: 'ConfigMap', data: {} }] } },
      ),
      byTree(
        'naming a source map, a library and types that are elsewhere',
        {
          'main.ts': `/// <reference types="${url}" />\nimport './a.js';\n//# sourceMappingURL=${url}\n`,
          'a.js': `throw new Error('here'); //# sourceMappingURL=${url}\n`,
        },
        { expected: { refused: 'a.js:1 program-threw' } },
      ),
    ];
  },
};
