/** The microVM that every other end-to-end test stands on. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildImage } from '../support/image/index.ts';
import { hookLimit, runInVm, startVm, STATUS_FAILED, STATUS_TIMEOUT } from '../support/vm/index.ts';
import type { VmResult } from '../support/vm/index.ts';

/** Seconds that the machines here get. */
const LIMIT = 1_200;
const TREE = resolve(import.meta.dirname, '../..');

/** Every line that starts with a name and a colon is a fact for a test below. */
const FACTS = `
echo "lsm: $(cat /sys/kernel/security/lsm)"
echo "kernel: $(uname -r)"
echo "directory: $(pwd)"
echo "user: $(id -u) $HOME"
echo "node: $(node --version)"
echo "mounts: $(awk '{print $3}' /proc/mounts | sort -u | tr '\\n' ' ')"
echo "controllers: $(cat /sys/fs/cgroup/cgroup.subtree_control)"
echo "loopback: $(cat /sys/class/net/lo/flags)"
echo "module: $(modprobe veth && echo loaded)"
echo "memory: $(awk '/MemTotal/ {print $2}' /proc/meminfo)"
echo "cpus: $(nproc)"
echo "argument: $(cat /proc/cmdline)"
echo "copy-on-write: $(echo changed > package.json && cat package.json)"
echo "on standard error" >&2
ctr images import "$SHARED/image.tar" > /dev/null
ctr run --detach --label app=web local.test/vm:1 web
echo "container: $(ctr tasks exec --exec-id one web /bin/sh -c 'cat /etc/motd; /opt/hello')"
echo "programs: $(ctr tasks exec --exec-id two web /bin/ls -i /bin | awk '{print $1}' | sort -u | wc -l)"
echo "label: $(ctr containers info web | grep -o '"app": "web"' | head -n 1)"
echo from the guest > "$SHARED/guest"
for i in $(seq 6000); do [ -e "$SHARED/host" ] && break; sleep 0.1; done
echo "host says: $(cat "$SHARED/host")"
for i in $(seq 6000); do [ "$(cat "$SHARED/host")" = changed ] && break; sleep 0.1; done
echo "host then says: $(cat "$SHARED/host")"
exit 7
`;

describe('a command in a microVM', () => {
  const share = mkdtempSync(join(tmpdir(), 'parapet vm,test-'));
  const seen: string[] = [];
  let result: VmResult = { status: -1, output: '', problem: undefined };
  let fromGuest = '';
  let packageJson = '';

  const fact = (name: string): string => {
    const line = result.output.split('\n').find((candidate) => candidate.startsWith(`${name}: `));
    return line?.slice(name.length + 2) ?? `(no line says ${name})`;
  };

  beforeAll(async () => {
    packageJson = readFileSync(join(TREE, 'package.json'), 'utf8');
    buildImage({
      name: 'local.test/vm:1',
      programs: ['/bin/sh', '/bin/cat', '/bin/ls', '/bin/sleep'],
      files: { '/etc/motd': 'made here\n', '/opt/hello': { content: '#!/bin/sh\necho hello\n', mode: 0o755 } },
      out: join(share, 'image.tar'),
    });
    writeFileSync(join(share, 'facts.sh'), `SHARED=${`'${share}'`}\n${FACTS}`);
    const vm = await startVm({
      command: ['bash', join(share, 'facts.sh')],
      share: [share],
      cpus: 2,
      memory: 2048,
      lsm: 'lockdown,bpf',
      append: 'parapet.test=yes',
      timeout: LIMIT,
    });
    vm.onLine((line, stream) => {
      seen.push(`${stream} ${line}`);
      if (!line.startsWith('label: ')) return;
      void (async () => {
        const file = join(share, 'guest');
        for (let i = 0; i < 6000 && fromGuest === ''; i++, await sleep(100)) fromGuest = readIfThere(file);
        writeFileSync(join(share, 'host'), 'hello\n');
      })();
    });
    vm.onLine((line) => {
      if (line.startsWith('host says: ')) writeFileSync(join(share, 'host'), 'changed\n');
    });
    result = await vm.wait();
  }, hookLimit(LIMIT));
  afterAll(() => rmSync(share, { recursive: true, force: true }));

  test('passes its exit status on', () => {
    expect(result).toMatchObject({ status: 7, problem: undefined });
  });

  test('streams its output line by line, each stream by itself', () => {
    expect(seen).toContain(`stdout directory: ${TREE}`);
    expect(seen).toContain('stderr on standard error');
    expect(result.output).not.toMatch(/end-of-output/);
  });

  test('runs as root in the tree with the Node of the tree, on the kernel that was asked for', () => {
    expect(fact('user')).toBe('0 /root');
    expect(fact('directory')).toBe(TREE);
    expect(fact('kernel')).toMatch(/^6\.\d+\.\d+.*-amd64$/);
    expect(fact('node')).toMatch(/^v2[4-9]\./);
    expect(fact('cpus')).toBe('2');
    expect(Number(fact('memory'))).toBeLessThan(2_100_000);
    expect(fact('argument')).toContain('parapet.test=yes');
  });

  test('finds the LSMs that were asked for, BPF among them', () => {
    expect(fact('lsm').split(',')).toEqual(expect.arrayContaining(['lockdown', 'bpf']));
    expect(fact('lsm')).not.toContain('apparmor');
  });

  test('finds the file systems, controllers, modules and network of a machine', () => {
    for (const type of ['securityfs', 'bpf', 'cgroup2', 'tracefs', 'devpts']) expect(fact('mounts').split(' ')).toContain(type);
    for (const controller of ['cpu', 'memory', 'pids']) expect(fact('controllers').split(' ')).toContain(controller);
    expect(Number(fact('loopback')) & 1).toBe(1);
    expect(fact('module')).toBe('loaded');
  });

  test('changes nothing on the host outside the shared directories', () => {
    expect(fact('copy-on-write')).toBe('changed');
    expect(readFileSync(join(TREE, 'package.json'), 'utf8')).toBe(packageJson);
  });

  test('runs containers of an image made here, each program a file of its own', () => {
    expect(fact('container')).toBe('made here');
    expect(result.output).toContain('made here\nhello\n');
    expect(fact('programs')).toBe('4');
    expect(fact('label')).toBe('"app": "web"');
  });

  test('shares a directory both ways, later changes included', () => {
    expect(fromGuest).toBe('from the guest\n');
    expect(fact('host says')).toBe('hello');
    expect(fact('host then says')).toBe('changed');
  });
});

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

test(
  'a machine that panics is told from a command that fails, with the end of its console',
  async () => {
    const { status, problem } = await runInVm({ command: ['echo c > /proc/sysrq-trigger; sleep 60'], containerd: false, timeout: LIMIT });
    expect(status).toBe(STATUS_FAILED);
    expect(problem).toMatch(/the machine stopped by itself[^]*Kernel panic/);
  },
  hookLimit(LIMIT),
);

test(
  'a machine that panics before its command has begun is booted again, twice',
  async () => {
    const progress: string[] = [];
    const { status, problem } = await runInVm({
      command: ['true'],
      containerd: false,
      append: 'rdinit=/not/there',
      timeout: LIMIT,
      onProgress: (sentence) => progress.push(sentence),
    });
    expect(progress.filter((sentence) => sentence.startsWith('the machine stopped before the command began'))).toHaveLength(2);
    expect({ status, problem }).toEqual({
      status: STATUS_FAILED,
      problem: expect.stringMatching(/the machine stopped by itself[^]*Kernel panic/),
    });
  },
  hookLimit(LIMIT),
);

test(
  'a command that takes too long is stopped with the status of its own',
  async () => {
    const { status, problem } = await runInVm({ command: ['sleep', '600'], containerd: false, timeout: 3 });
    expect(status).toBe(STATUS_TIMEOUT);
    expect(problem).toBe('time is up: the command did not end within 3 s');
  },
  hookLimit(LIMIT),
);
