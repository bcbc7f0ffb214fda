/** A real sshd on loopback that lets one key run `git-upload-pack`: a process of its own for each connection, as inetd would start it. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export interface SshServer {
  readonly port: number;
  /** `ssh://user@127.0.0.1:port`. */
  readonly url: string;
  /** A line for the server's own host key. */
  readonly knownHosts: string;
  /** Command lines and environments of the clients, as they were when they connected. */
  readonly seen: string[];
  /** What the server does with a connection. */
  mode: 'serve' | 'hang';
  close(): Promise<void>;
}

/** `directory` takes the server's files; `publicKey` is who is let in. */
export async function serveSsh(directory: string, publicKey: string): Promise<SshServer> {
  const config = writeConfig(directory, publicKey);
  const children = new Set<ChildProcess>();
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    state.seen.push(...clients());
    sockets.add(socket);
    if (state.mode === 'hang') return void socket.resume();
    const child = spawn('/usr/sbin/sshd', ['-i', '-e', '-f', config], { stdio: [socket, socket, 'ignore'] });
    children.add(child);
    child.once('exit', () => children.delete(child));
    socket.destroy();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const state: SshServer = {
    port,
    url: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    knownHosts: `[127.0.0.1]:${port} ${readFileSync(join(directory, 'host.pub'), 'utf8')}`,
    seen: [],
    mode: 'serve',
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const child of children) child.kill();
        for (const socket of sockets) socket.destroy();
      }),
  };
  return state;
}

function writeConfig(directory: string, publicKey: string): string {
  // sshd insists on a place for its unprivileged half, and makes none itself.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  mkdirSync(directory, { recursive: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'host')]);
  writeFileSync(join(directory, 'authorized_keys'), `restrict ${publicKey}`);
  const lines = {
    HostKey: join(directory, 'host'),
    AuthorizedKeysFile: join(directory, 'authorized_keys'),
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    PermitRootLogin: 'prohibit-password',
    StrictModes: 'no',
    UsePAM: 'no',
    PrintMotd: 'no',
    LogLevel: 'QUIET',
  };
  const file = join(directory, 'sshd_config');
  writeFileSync(
    file,
    Object.entries(lines)
      .map((line) => `${line.join(' ')}\n`)
      .join(''),
  );
  chmodSync(file, 0o600);
  return file;
}

function clients(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return /(^|\/)(ssh|git)\0/.test(line) ? [line, readFileSync(`/proc/${pid}/environ`, 'latin1')] : [];
      } catch {
        return [];
      }
    });
}
