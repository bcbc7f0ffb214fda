/** Where the containers run: on this machine's kernel if it can attach LSM programs, else on Debian's in a microVM. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EnforcerSupport } from '@parapet/agent';
import { MACHINE_LIMIT, PATIENCE } from '../../support/patience.ts';
import { startVm } from '../../support/vm/index.ts';

const SCRIPT = resolve(import.meta.dirname, 'node.sh');
const BIN = resolve(import.meta.dirname, '../../../node_modules/.bin');

export interface EnforcementNode {
  /** Resolves when the agent enforces; rejects with the node's last words when it ends before that. */
  ready(): Promise<void>;
  /** Runs a shell script in a container and gives back its output. */
  run(container: string, script: string): Promise<string>;
  /** Starts a script that goes on; gives back a function that reads what it has printed so far. */
  probe(container: string, script: string): () => string;
  /** Ends the node in order; gives back its last words (the agent's status). */
  stop(): Promise<string>;
}

interface Handle {
  readonly ended: Promise<string>;
  kill(): void;
}

async function inVm(share: string, say: (sentence: string) => void): Promise<Handle> {
  const vm = await startVm({ command: ['bash', SCRIPT, share], share: [share], timeout: MACHINE_LIMIT, onProgress: say });
  vm.onLine((text) => say(text));
  return { ended: vm.wait().then(({ output, problem }) => `${output}${problem ?? ''}`), kill: () => vm.kill() };
}

function here(share: string, say: (sentence: string) => void): Handle {
  const child = spawn('bash', [SCRIPT, share], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${BIN}:${process.env['PATH'] ?? ''}` },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const text of chunk.toString().trimEnd().split('\n')) say(text);
    });
  }
  return { ended: new Promise((done) => child.once('close', () => done(output))), kill: () => child.kill('SIGTERM') };
}

/** Starts the node on `share`, a directory that both sides see. `policies` are those it must enforce before it is ready. */
export async function startNode(options: {
  readonly share: string;
  readonly policies: readonly string[];
  readonly support: EnforcerSupport;
  readonly say: (sentence: string) => void;
}): Promise<EnforcementNode> {
  const { share, support, say } = options;
  for (const directory of ['requests', 'probes', 'results']) mkdirSync(join(share, directory), { recursive: true });
  writeFileSync(join(share, 'policies'), options.policies.join('\n'));
  const handle = support.enforcer === 'none' ? await inVm(share, say) : here(share, say);
  let ended: string | undefined;
  void handle.ended.then((output) => (ended = output));
  let count = 0;

  const until = async (file: string, what: string): Promise<void> => {
    for (const deadline = Date.now() + PATIENCE; !existsSync(file); await sleep(50)) {
      if (ended !== undefined) throw new Error(`the enforcement node ended before ${what}:\n${ended.split('\n').slice(-15).join('\n')}`);
      if (Date.now() > deadline) throw new Error(`the enforcement node does not go on: ${what}`);
    }
  };
  const ask = (kind: 'requests' | 'probes', container: string, script: string): string => {
    const id = `${kind[0] ?? ''}${(count += 1)}`;
    const file = join(share, kind, `${id}.${container}`);
    // Written whole, then renamed: the node's loop must never read half a script.
    writeFileSync(join(share, `${id}.part`), script);
    renameSync(join(share, `${id}.part`), file);
    return join(share, 'results', id);
  };
  return {
    ready: () => until(join(share, 'ready'), 'it enforced'),
    async run(container, script) {
      const result = ask('requests', container, script);
      await until(result, `a script had run in ${container}`);
      return readFileSync(result, 'utf8');
    },
    probe(container, script) {
      const result = ask('probes', container, script);
      return () => (existsSync(result) ? readFileSync(result, 'utf8') : '');
    },
    async stop() {
      writeFileSync(join(share, 'stop'), '');
      const timer = setTimeout(() => handle.kill(), PATIENCE);
      const output = await handle.ended;
      clearTimeout(timer);
      return output;
    },
  };
}
