import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ask, NoAgent } from '../../../agent/src/adapters/control/client.ts';
import { agentStatus, agentStop, agentWait } from '../../../agent/src/adapters/control/commands.ts';
import { openControl } from '../../../agent/src/adapters/control/server.ts';
import type { Control, ControlHandlers } from '../../../agent/src/adapters/control/server.ts';

let state = '';
let socket = '';
let open: Control[] = [];
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'parapet-control-'));
  socket = join(state, 'agent.sock');
  open = [];
});
afterEach(async () => {
  for (const control of open) await control.close();
  await rm(state, { recursive: true, force: true });
});

async function serve(over: Partial<ControlHandlers> = {}): Promise<void> {
  const handlers: ControlHandlers = {
    status: () => ({ policies: [], containers: [] }),
    wait: ({ policy, timeoutMs }) => Promise.resolve({ exit: 0, message: `${policy} ${timeoutMs <= 500}` }),
    stop: ({ keep }) => Promise.resolve({ exit: 0, message: keep ? 'kept' : 'removed' }),
    ...over,
  };
  open.push(await openControl(socket, handlers));
}

test('status, wait and stop travel through the socket', async () => {
  await serve();
  expect(await agentStatus({ state })).toEqual({ policies: [], containers: [] });
  expect(await agentWait({ policy: 'shop/a', timeout: '500ms', state })).toEqual({ exit: 0, message: 'shop/a true' });
  expect(await agentStop({ how: 'keep', state })).toEqual({ exit: 0, message: 'kept' });
  expect(await agentStop({ how: 'remove', state })).toEqual({ exit: 0, message: 'removed' });
});

test('only the owner may open the socket', async () => {
  await serve();
  expect((await stat(socket)).mode & 0o777).toBe(0o600);
});

test('a second agent is refused while the first answers, and what a dead one left is no hindrance', async () => {
  await writeFile(socket, '');
  await serve();
  await expect(serve()).rejects.toThrow(`an agent runs already and listens on ${socket}`);
  for (const control of open.splice(0)) await control.close();
  await serve();
  expect(await agentStatus({ state })).toBeDefined();
});

test('without an agent each command says so, and how to start one', async () => {
  await expect(agentStatus({ state })).rejects.toThrow('no agent runs here; start it with: parapet agent run --policies DIR');
  expect(await agentWait({ policy: 'a', timeout: '10ms', state })).toEqual({
    exit: 3,
    message: 'no agent runs here; start it with: parapet agent run --policies DIR',
  });
  expect(await agentStop({ how: 'keep', state })).toMatchObject({ exit: 3 });
});

test('wait gives an agent that is being started time to open its door', async () => {
  setTimeout(() => void serve(), 150);
  expect(await agentWait({ policy: 'shop/a', timeout: '5s', state })).toMatchObject({ exit: 0 });
});

test('a time that is none is refused before anybody is asked', async () => {
  expect(await agentWait({ policy: 'a', timeout: 'soon', state })).toEqual({
    exit: 2,
    message: `'soon' is not a time: write 30s, 500ms or 2m`,
  });
});

test('an agent that starts has no status yet', async () => {
  await serve({ status: () => ({ starting: true }) });
  await expect(agentStatus({ state })).rejects.toThrow('still starting');
});

test('who goes away while waiting ends the wait', async () => {
  let ended = false;
  await serve({
    wait: ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          ended = true;
          resolve({});
        });
      }),
  });
  await expect(ask(socket, { method: 'POST', path: '/wait', body: { policy: 'a', timeoutMs: 60_000 }, timeout: 50 })).rejects.toThrow(
    'does not answer',
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(ended).toBe(true);
});

test.each([
  ['GET', '/', undefined, /the doors are/],
  ['GET', '/stop', undefined, /the doors are/],
  ['POST', '/wait', { policy: 1, timeoutMs: 1 }, /POST \/wait takes/],
  ['POST', '/wait', { policy: 'a', timeoutMs: -1 }, /POST \/wait takes/],
  ['POST', '/wait', { policy: 'x'.repeat(100_000), timeoutMs: 1 }, /POST \/wait takes/],
  ['POST', '/stop', {}, /POST \/stop takes/],
  ['POST', '/stop', undefined, /POST \/stop takes/],
] as const)('%s %s with a wrong body is answered with what is right', async (...[method, path, body, message]) => {
  await serve();
  await expect(ask(socket, { method, path, body })).rejects.toThrow(message);
});

test('a bug behind the door is told, and the door stays open', async () => {
  await serve({ stop: () => Promise.reject(new Error('broken')) });
  expect(await agentStop({ how: 'keep', state })).toEqual({ exit: 3, message: 'the agent answers: broken' });
  expect(await agentStatus({ state })).toBeDefined();
});

test('something else behind the socket is not taken for an agent', async () => {
  const server = createServer((connection) => connection.resume().end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi')).listen(socket);
  await expect(ask(socket, { method: 'GET', path: '/status' })).rejects.toThrow('is not an agent');
  await new Promise((resolve) => server.close(resolve));
  await expect(ask(socket, { method: 'GET', path: '/status' })).rejects.toThrow(NoAgent);
});
