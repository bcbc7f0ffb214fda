/** A real control plane of a test's own on loopback: etcd and kube-apiserver with RBAC, everything they write in a directory of its own. */
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from './binaries.ts';
import type { Binaries } from './binaries.ts';
import { ask } from './https.ts';

/** Milliseconds that a server may take until it answers: test machines are busy. */
const PATIENCE = 90_000;

export interface Kubectl {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ControlPlane {
  readonly home = mkdtempSync(join(tmpdir(), 'parapet-cluster-'));
  readonly #binaries: Binaries;
  readonly #adminToken = randomBytes(16).toString('hex');
  #ports = { etcd: 0, peer: 0, api: 0 };
  #etcd: ChildProcess | undefined;
  #api: ChildProcess | undefined;

  private constructor(binaries: Binaries) {
    this.#binaries = binaries;
  }

  /** Starts both servers; resolves when the API server is ready. */
  static async start(): Promise<ControlPlane> {
    const plane = new ControlPlane(await findBinaries((sentence) => console.error(sentence)));
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(plane.#file('accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(plane.#file('tokens.csv'), `${plane.#adminToken},admin,admin,system:masters\n`);
    try {
      const [etcd, peer, api] = await freePorts(3);
      plane.#ports = { etcd: etcd ?? 0, peer: peer ?? 0, api: api ?? 0 };
      plane.#startEtcd();
      await plane.startApiServer();
    } catch (error) {
      await plane.stop();
      throw error;
    }
    return plane;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#ports.api}`;
  }

  /** What to trust the API server by. */
  get ca(): string {
    return readFileSync(this.#file('certs/apiserver.crt'), 'utf8');
  }

  #file(name: string): string {
    return join(this.home, name);
  }

  #spawn(program: string, name: string, args: readonly string[]): ChildProcess {
    const log = createWriteStream(this.#file(`${name}.log`), { flags: 'a' });
    const child = spawn(program, args, { cwd: this.home, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    return child;
  }

  #startEtcd(): void {
    const { etcd, peer } = this.#ports;
    const client = `http://127.0.0.1:${etcd}`;
    this.#etcd = this.#spawn(this.#binaries.etcd, 'etcd', [
      `--data-dir=${this.#file('data')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      // The data need not outlive the machine.
      '--unsafe-no-fsync',
    ]);
  }

  /** Starts the API server, again after `stopApiServer`: on the same port, with the same data. */
  async startApiServer(): Promise<void> {
    const child = this.#spawn(this.#binaries.apiServer, 'api', [
      `--etcd-servers=http://127.0.0.1:${this.#ports.etcd}`,
      `--secure-port=${this.#ports.api}`,
      '--bind-address=127.0.0.1',
      `--cert-dir=${this.#file('certs')}`,
      `--token-auth-file=${this.#file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      `--service-account-key-file=${this.#file('accounts.key')}`,
      `--service-account-signing-key-file=${this.#file('accounts.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.0.0.0/24',
    ]);
    this.#api = child;
    const deadline = Date.now() + PATIENCE;
    while (Date.now() < deadline && child.exitCode === null) {
      if (await this.#isReady()) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the API server does not start: ${readFileSync(this.#file('api.log'), 'utf8').slice(-2000)}`);
  }

  async #isReady(): Promise<boolean> {
    if (!existsSync(this.#file('certs/apiserver.crt'))) return false;
    const answer = await ask(`${this.url}/readyz`, { ca: this.ca, token: this.#adminToken }).catch(() => undefined);
    return answer?.body === 'ok';
  }

  /** Ends the API server: at once with SIGKILL, in order with SIGTERM. */
  async stopApiServer(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    await end(this.#api, signal);
    this.#api = undefined;
  }

  async stop(): Promise<void> {
    await end(this.#api, 'SIGKILL');
    await end(this.#etcd, 'SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Processor seconds of API server and etcd so far. */
  processorSeconds(): { readonly api: number; readonly etcd: number } {
    return { api: processorSeconds(this.#api?.pid), etcd: processorSeconds(this.#etcd?.pid) };
  }

  /** A kubeconfig file for whoever holds `token`; for the administrator of this cluster unless told. */
  kubeconfig(token: string = this.#adminToken, namespace = 'default'): string {
    const file = this.#file(`kubeconfig-${randomBytes(4).toString('hex')}`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: this.url, 'certificate-authority-data': Buffer.from(this.ca).toString('base64') } }],
      users: [{ name: 'test', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
      'current-context': 'test',
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  /** Runs kubectl as a user would, as the administrator unless told; never rejects for what kubectl says. */
  kubectl(args: readonly string[], options: { readonly input?: string; readonly kubeconfig?: string } = {}): Promise<Kubectl> {
    return new Promise((resolve) => {
      const config = options.kubeconfig ?? this.kubeconfig();
      const child = execFile(
        this.#binaries.kubectl,
        [`--kubeconfig=${config}`, `--cache-dir=${this.#file('kubectl-cache')}`, ...args],
        { env: { PATH: process.env['PATH'], HOME: this.home }, maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) =>
          resolve({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr }),
      );
      child.stdin?.end(options.input ?? '');
    });
  }

  /** As `kubectl`, where anything but success is a mistake of the test; gives what it printed. */
  async must(args: readonly string[], input?: string): Promise<string> {
    const { status, stdout, stderr } = await this.kubectl(args, input === undefined ? {} : { input });
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr}`);
    return stdout;
  }

  /** Applies objects as the administrator. */
  async apply(objects: readonly unknown[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.must(['apply', '--server-side', '--force-conflicts', '--field-manager=test', '-f', '-'], JSON.stringify(list));
  }

  /** A token of a service account, as a pod would have it mounted. */
  async token(namespace: string, account: string): Promise<string> {
    return (await this.must(['create', 'token', account, '--namespace', namespace])).trim();
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill(signal);
  });
}

function processorSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  // utime and stime are the 14th and 15th field of proc(5), in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
