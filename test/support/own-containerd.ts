/** A containerd of a test's own: Debian's, with everything it writes in a directory of its own, and containers of static busybox. */
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class OwnContainerd {
  readonly address: string;
  readonly #home: string;
  #process: ChildProcess | undefined;

  constructor() {
    this.#home = mkdtempSync(join(tmpdir(), 'parapet-containerd-'));
    this.address = join(this.#home, 'containerd.sock');
    const config = [
      'version = 2',
      `root = "${this.#home}/root"`,
      `state = "${this.#home}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\n  address = "${this.address}"`,
    ];
    writeFileSync(join(this.#home, 'config.toml'), `${config.join('\n')}\n`);
    mkdirSync(join(this.#home, 'rootfs/bin'), { recursive: true });
    copyFileSync('/bin/busybox', join(this.#home, 'rootfs/bin/busybox'));
    chmodSync(join(this.#home, 'rootfs/bin/busybox'), 0o755);
    for (const name of ['sh', 'sleep']) symlinkSync('busybox', join(this.#home, 'rootfs/bin', name));
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    this.#process = spawn('containerd', ['--config', join(this.#home, 'config.toml')], { stdio: 'ignore' });
    for (let tries = 0; tries < 200; tries += 1) {
      try {
        this.ctr('version');
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error('containerd does not start; is it installed, and is this root?');
  }

  /** Containers go on without it. */
  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    await new Promise((resolve) => {
      running.once('exit', resolve);
      running.kill('SIGTERM');
    });
  }

  ctr(...args: readonly string[]): string {
    return execFileSync('ctr', ['--address', this.address, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Starts a container that sleeps, or runs `command`. */
  run(at: {
    readonly namespace: string;
    readonly id: string;
    readonly labels?: readonly string[];
    readonly command?: readonly string[];
  }): void {
    const labels = (at.labels ?? []).flatMap((label) => ['--label', label]);
    const command = at.command ?? ['/bin/sleep', '1000'];
    this.ctr('--namespace', at.namespace, 'run', '--detach', ...labels, '--rootfs', join(this.#home, 'rootfs'), at.id, ...command);
  }

  /** Ends a container and everything of it. */
  remove(namespace: string, id: string): void {
    for (const args of [
      ['tasks', 'kill', '--signal', 'SIGKILL', id],
      ['tasks', 'delete', '--force', id],
      ['containers', 'delete', id],
    ]) {
      try {
        this.ctr('--namespace', namespace, ...args);
      } catch {
        // It was gone already.
      }
    }
  }

  async clean(): Promise<void> {
    await this.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }
}
