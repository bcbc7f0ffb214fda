/**
 * A real control plane's programs: those of `KUBEBUILDER_ASSETS` where it is set, as everywhere in the ecosystem; else built from their
 * published Go modules, once, into the cache.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../cache.ts';
import { findGo } from './go.ts';

export const KUBERNETES = '1.36.3';
export const ETCD = '3.6.4';
const [, MINOR = '', PATCH = ''] = KUBERNETES.split('.');
/** Kubernetes 1.x.y publishes its parts as v0.x.y. */
const PARTS = `v0.${MINOR}.${PATCH}`;

/** Absolute paths. */
export interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
  readonly kubectl: string;
}

type Say = (sentence: string) => void;

/** Finds the programs, builds what is missing; `say` hears of everything that takes long. */
export async function findBinaries(say: Say): Promise<Binaries> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '') {
    const missing = pathsOf(binariesIn(assets)).filter((file) => !existsSync(file));
    if (missing.length > 0) throw new Error(`KUBEBUILDER_ASSETS lacks ${missing.join(', ')}: put them there, or unset it`);
    return binariesIn(assets);
  }
  const directory = join(cacheDirectory(), `kubernetes-${KUBERNETES}-etcd-${ETCD}`);
  const binaries = binariesIn(directory);
  if (pathsOf(binaries).every((file) => existsSync(file))) return binaries;
  say(`building etcd ${ETCD}, kube-apiserver and kubectl ${KUBERNETES} from their Go modules, once (6 minutes on 2 processors)`);
  const go = await findGo(say);
  await mkdir(directory, { recursive: true });
  const scratch = await mkdtemp(join(directory, '.build-'));
  try {
    for (const { file, build } of PROGRAMS) {
      if (existsSync(join(directory, file))) continue;
      const started = Date.now();
      await build({ go, scratch, output: join(scratch, file) });
      await rename(join(scratch, file), join(directory, file));
      say(`built ${file} (${Math.round((Date.now() - started) / 1000)} s)`);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return binaries;
}

function binariesIn(directory: string): Binaries {
  return { etcd: join(directory, 'etcd'), apiServer: join(directory, 'kube-apiserver'), kubectl: join(directory, 'kubectl') };
}

const pathsOf = ({ etcd, apiServer, kubectl }: Binaries): readonly string[] => [etcd, apiServer, kubectl];

interface Building {
  readonly go: string;
  readonly scratch: string;
  readonly output: string;
}

const PROGRAMS: readonly { readonly file: string; readonly build: (building: Building) => Promise<void> }[] = [
  { file: 'etcd', build: buildEtcd },
  {
    file: 'kube-apiserver',
    build: (building) => buildKubernetes(building, 'k8s.io/kubernetes/cmd/kube-apiserver/app', 'NewAPIServerCommand'),
  },
  { file: 'kubectl', build: (building) => buildKubernetes(building, 'k8s.io/kubectl/pkg/cmd', 'NewDefaultKubectlCommand') },
];

async function buildEtcd({ go, scratch, output }: Building): Promise<void> {
  const directory = join(scratch, 'etcd-module');
  await mkdir(directory);
  const main = 'package main\n\nimport (\n\t"os"\n\n\t"go.etcd.io/etcd/server/v3/etcdmain"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n';
  await writeFile(join(directory, 'main.go'), main);
  await writeFile(join(directory, 'go.mod'), `module tests/etcd\n\ngo 1.26.0\n\nrequire go.etcd.io/etcd/server/v3 v${ETCD}\n`);
  await runGo(go, directory, ['mod', 'tidy']);
  await runGo(go, directory, ['build', '-trimpath', '-ldflags', '-s -w', '-o', output, '.']);
}

/** Kubernetes' own go.mod replaces its parts by folders that a module does not carry; ours replaces them by what is published. */
async function buildKubernetes(building: Building, importPath: string, command: string): Promise<void> {
  const { go, scratch, output } = building;
  const directory = join(scratch, `${command}-module`);
  await mkdir(directory);
  const main = `package main\n\nimport (\n\t"os"\n\n\t"k8s.io/component-base/cli"\n\tapp "${importPath}"\n)\n\nfunc main() { os.Exit(cli.Run(app.${command}())) }\n`;
  await writeFile(join(directory, 'main.go'), main);
  await writeFile(join(directory, 'go.mod'), 'module tests/kubernetes\n');
  const downloaded = await runGo(go, directory, ['mod', 'download', '-json', `k8s.io/kubernetes@v${KUBERNETES}`]);
  const { GoMod } = JSON.parse(downloaded) as { readonly GoMod: string };
  const staged = [...(await readFile(GoMod, 'utf8')).matchAll(/(k8s\.io\/[a-z0-9-]+) => \.\/staging/g)].map(([, name = '']) => name);
  const replaced = staged.map((name) => `\t${name} => ${name} ${PARTS}\n`).join('');
  const head = 'module tests/kubernetes\n\ngo 1.26.0\ngodebug default=go1.26\n';
  await writeFile(join(directory, 'go.mod'), `${head}\nrequire k8s.io/kubernetes v${KUBERNETES}\n\nreplace (\n${replaced})\n`);
  await runGo(go, directory, ['mod', 'tidy']);
  const version = { gitVersion: `v${KUBERNETES}`, gitMajor: '1', gitMinor: MINOR };
  const flags = Object.entries(version).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  await runGo(go, directory, ['build', '-trimpath', '-ldflags', ['-s', '-w', ...flags].join(' '), '-o', output, '.']);
}

/** Runs `go` and gives what it printed; its last words are in the error. */
function runGo(go: string, cwd: string, args: readonly string[]): Promise<string> {
  return new Promise((done, refuse) => {
    const child = spawn(go, args, { cwd, env: { ...process.env, CGO_ENABLED: '0' }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let last = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (last = (last + chunk.toString()).slice(-4000)));
    child.once('error', refuse);
    child.once('close', (status) =>
      status === 0 ? done(out) : refuse(new Error(`go ${args.slice(0, 2).join(' ')} failed: ${last.trim()}`)),
    );
  });
}
