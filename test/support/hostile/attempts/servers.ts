/** Servers that lie, and addresses and references that would make Git do something else. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { byTree } from '../attempt.ts';
import type { Attempt, Expected, Family } from '../attempt.ts';
import { PLAIN } from '../programs.ts';
import { COMMIT, endlessFile, malicious, onBand, packet } from '../server.ts';
import type { Malice } from '../server.ts';

const BUSY = { patience: 8_000 };
const line = (number: number): Buffer => packet(`${COMMIT} refs/heads/${'x'.repeat(200)}${number}\n`);

/** What they all claim to have. */
const MAIN = { ref: { branch: 'main' } };

const lying = (title: string, malice: Malice, expected: Expected): Attempt =>
  byTree(title, PLAIN, { spec: MAIN, server: malicious(malice), bounds: { ...BUSY, mirror: 20e6 }, expected });

/** Once, and no more than an end the next time. */
function once(content: () => Buffer): (request: IncomingMessage, response: ServerResponse) => void {
  let sent = false;
  return (request, response) => {
    const pack = (): Buffer => {
      if (sent) response.end();
      sent = true;
      return content();
    };
    malicious({ pack })(request, response);
  };
}

/** Says what it was sent: a secret, in every form in which a server has it. */
const telling = (request: IncomingMessage, response: ServerResponse): void => {
  const given = request.headers.authorization ?? '';
  const decoded = Buffer.from(given.replace(/^Basic /, ''), 'base64').toString();
  const said = [given, decoded, encodeURIComponent(decoded)].join(' ');
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
  response.end(Buffer.concat([packet('# service=git-upload-pack\n'), Buffer.from('0000'), packet(`ERR ${said}\n`)]));
};

const servers = (port: number): readonly Attempt[] => [
  lying(
    'a server that names references without end',
    { refs: () => Buffer.concat(Array.from({ length: 500 }, (_, index) => line(index))) },
    {
      failed: 'resolve',
    },
  ),
  lying(
    'a server that names abilities without end',
    { greeting: () => Buffer.concat(Array.from({ length: 500 }, () => packet(`${'x'.repeat(1000)}\n`))) },
    {
      failed: 'resolve',
    },
  ),
  lying('a server with one line without end', { refs: () => Buffer.from('x'.repeat(60_000)) }, { failed: 'resolve' }),
  lying('a server that sends a file without end', { pack: endlessFile() }, { refused: 'repository-too-large' }),
  lying(
    'a server that talks without end',
    { pack: () => onBand(2, Buffer.from(`${'blah '.repeat(1000)}\n`)) },
    { refused: 'repository-too-large' },
  ),
  byTree('a server that sends no pack', PLAIN, {
    spec: MAIN,
    server: once(() => onBand(1, Buffer.from('no pack at all'))),
    bounds: BUSY,
    expected: { failed: 'fetch' },
  }),
  byTree('a server that sends an error for a terminal', PLAIN, {
    spec: MAIN,
    server: once(() => onBand(2, Buffer.from('fatal: \u001b[31mred\u001b[0m\n'))),
    bounds: BUSY,
    expected: { failed: 'fetch', says: /^[^\p{Cc}]+$/u },
  }),
  byTree('a server that says nothing', PLAIN, {
    server: () => undefined,
    bounds: { patience: 1_500 },
    expected: { failed: 'resolve', says: 'it did not answer in time' },
  }),
  byTree('a server that sends Git elsewhere with its credentials', PLAIN, {
    server: (_request, response) => void response.writeHead(302, { location: `http://127.0.0.1:${port}/policies.git` }).end(),
    expected: { failed: 'resolve' },
  }),
  byTree('a server that says what it was sent', PLAIN, { server: telling, expected: { failed: 'resolve' } }),
  byTree('the old protocol, in which a server may name others to be asked', PLAIN, {
    spec: MAIN,
    server: (request, response) => {
      const name = request.url ?? '';
      if (name.includes('info/refs')) return void response.end(`${COMMIT}\trefs/heads/main\n`);
      if (name.includes('alternates')) return void response.end(`http://127.0.0.1:${port}/elsewhere\n`);
      return void response.writeHead(404).end();
    },
    expected: { failed: 'fetch' },
  }),
];

const asked = (title: string, spec: Readonly<Record<string, unknown>>, expected: Expected): Attempt =>
  byTree(title, PLAIN, { spec, expected });

const addresses = (outside: string): readonly Attempt[] => {
  const touch = `touch ${outside}/made`;
  const invalid: Expected = { refused: 'invalid-value' };
  return [
    asked('an address that is a command', { url: `ext::sh -c ${touch}` }, invalid),
    asked('an address that is a descriptor', { url: 'fd::17' }, invalid),
    asked('an address that is an option', { url: `--upload-pack=${touch}` }, invalid),
    asked('an address whose host is an option of ssh', { url: `ssh://-oProxyCommand=${encodeURIComponent(touch)}/x` }, invalid),
    asked('an address whose user is an option of ssh', { url: `ssh://-oProxyCommand=x@git.test/x` }, invalid),
    asked('an address in the short form whose host is an option', { url: `-oProxyCommand=${touch}:x` }, invalid),
    asked('an address with a password', { url: 'https://user:hunter2@git.test/x.git' }, invalid),
    asked('an address of another protocol', { url: 'git://127.0.0.1/x.git' }, invalid),
    asked('a branch that is an option', { ref: { branch: `--upload-pack=${touch}` } }, invalid),
    asked('a branch that is a path', { ref: { branch: '../../../outside/secret.txt' } }, invalid),
    asked('a branch with a line end', { ref: { branch: 'main\nx' } }, invalid),
    asked('a branch that is a pattern', { ref: { branch: 'attempt-*' } }, invalid),
    byTree(
      'a reference whose name is an option',
      (repository) => {
        const commit = repository.commit(repository.tree({ ...PLAIN, option: 'x' }));
        repository.refer('refs/heads/--upload-pack=x', commit);
        return commit;
      },
      { spec: { ref: { name: 'refs/heads/--upload-pack=x' } }, expected: { made: [{ kind: 'KubeArmorPolicy' }] } },
    ),
  ];
};

export const places: Family = {
  title: 'servers and addresses',
  attempts: ({ port, outside }) => [...servers(port), ...addresses(outside)],
};
