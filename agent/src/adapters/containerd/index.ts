/**
 * Containers from containerd: a list, then its events, then the list again now and then. When it goes away the containers known stay, since
 * they go on running without it; when it is back they are listed anew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { modeOf } from '../../annotations.ts';
import { containerWorkload } from '../../labels.ts';
import type { Container, Runtime } from '../../ports.ts';
import { reasonOf } from '../../stage-error.ts';
import { podAnnotations, sandboxOf, specAnnotations } from './annotations.ts';
import type { ContainerRecord, Envelope, Notice, TaskRecord } from './api.ts';
import { readNotice, STOPPED } from './api.ts';
import type { Cgroup, CgroupFinder } from './cgroup.ts';
import { cgroupsPathOf } from './cgroups-path.ts';
import { Containerd } from './client.ts';
import { gapOf } from './reach.ts';

export interface ContainerdOptions {
  /** `unix:///run/containerd/containerd.sock` */
  readonly address: string;
  readonly cgroups: CgroupFinder;
  /** Milliseconds between lists while all is well. Default 30,000. */
  readonly relist?: number;
}

interface Known {
  readonly container: Container;
  readonly cgroup: Cgroup | 'shared';
  /** Equal for two looks at a container that did not change. */
  readonly signature: string;
}

type Handlers = Parameters<Runtime['watch']>[0];

/** Events between the subscription and its taking effect on the other side are found by a second list this many milliseconds later. */
const SECOND_LOOK = 1_000;
const MOST_PODS = 4_096;
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 3_000;
const SHARED = 'it has no cgroup of its own, so the kernel cannot tell it from the node; give it one (cgroupsPath)';

/** Opens containerd as the source of containers. */
export function openContainerd(options: ContainerdOptions): Runtime {
  return new ContainerdRuntime(options);
}

class ContainerdRuntime implements Runtime {
  readonly #options: ContainerdOptions;
  readonly #client: Containerd;
  readonly #stop = new AbortController();
  #handlers: Handlers = { onContainers: () => undefined, onState: () => undefined };
  #known = new Map<string, Known>();
  /** Annotations of pods by their sandbox; they never change. */
  readonly #pods = new Map<string, Readonly<Record<string, string>>>();
  #listed = false;
  /** Everything that looks or changes what is known happens one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;

  constructor(options: ContainerdOptions) {
    this.#options = options;
    this.#client = new Containerd(options.address);
  }

  /** Resolves after the first list, or the first failure to get one. */
  watch(handlers: Handlers): Promise<void> {
    this.#handlers = handlers;
    return new Promise((resolve) => {
      this.#running = this.#run(resolve);
    });
  }

  async refresh(): Promise<void> {
    await this.#inTurn(() => this.#list()).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#client.close();
    await this.#running;
    await this.#turn;
  }

  async #run(tried: () => void): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.#stop.signal.aborted) {
      const begun = performance.now();
      try {
        await this.#follow(tried);
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#say(false, `${reasonOf(error)}; containers known stay as they are, trying again`);
      }
      tried();
      if (performance.now() - begun > LONGEST_PAUSE) pause = FIRST_PAUSE;
      await sleep(pause, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    }
  }

  /** Lists and follows events until the connection ends, which it always does by throwing. */
  async #follow(listed: () => void): Promise<void> {
    const stream = this.#client.subscribe();
    const ended = new Promise<never>((_, reject) => {
      stream.on('error', (cause) => reject(new Error('the connection to containerd is lost', { cause })));
      stream.on('end', () => reject(new Error('containerd ended the connection')));
      this.#stop.signal.addEventListener('abort', () => reject(new Error('closed')), { once: true });
    });
    // Whoever loses the races below must not be an unhandled rejection.
    ended.catch(() => undefined);
    stream.on('data', (envelope: Envelope) => {
      const notice = readNotice(envelope);
      if (notice !== undefined) void this.#inTurn(() => this.#heed(notice)).catch(() => undefined);
    });
    try {
      await Promise.race([this.#inTurn(() => this.#list()), ended]);
      this.#say(true, `containerd answers at ${this.#options.address}`);
      listed();
      for (let pause = SECOND_LOOK; ; pause = this.#options.relist ?? 30_000) {
        await Promise.race([sleep(pause, undefined, { ref: false }), ended]);
        await Promise.race([this.#inTurn(() => this.#list()), ended]);
      }
    } finally {
      stream.cancel();
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #say(connected: boolean, message: string): void {
    this.#handlers.onState({ connected, message });
  }

  async #list(): Promise<void> {
    const next = new Map<string, Known>();
    for (const namespace of await this.#client.namespaces()) {
      const [records, tasks] = await Promise.all([this.#client.containers(namespace), this.#client.tasks(namespace)]);
      const byId = new Map(records.map((record) => [record.id, record]));
      const found = await Promise.all(tasks.map((task) => this.#see({ namespace, task, record: byId.get(task.containerId || task.id) })));
      for (const known of found) if (known !== undefined) next.set(keyOf(namespace, known.container.id), known);
    }
    this.#become(next);
  }

  /** A task of a list, as a container; undefined where nothing of it runs any more. */
  async #see(at: { namespace: string; task: TaskRecord; record: ContainerRecord | undefined }): Promise<Known | undefined> {
    const { namespace, task, record } = at;
    if (record === undefined) return undefined;
    const old = this.#known.get(keyOf(namespace, record.id));
    if (task.status === STOPPED) return this.#remains(old);
    return (await this.#identify(namespace, record, task.pid)) ?? this.#remains(old);
  }

  async #heed({ namespace, topic, container: id, pid, process }: Notice): Promise<void> {
    const key = keyOf(namespace, id);
    const old = this.#known.get(key);
    const next = new Map(this.#known);
    if (topic === '/tasks/create' || topic === '/tasks/start' || topic === '/containers/update') {
      const record = await this.#client.container(namespace, id);
      const first = pid === 0 ? old?.container.pid : pid;
      const known = record === undefined || first === undefined ? undefined : await this.#identify(namespace, record, first);
      if (known !== undefined) next.set(key, known);
    } else if (process === '' || process === id) {
      // Its other processes may outlive the first one: they stay confined until they are gone too.
      const known = topic === '/tasks/exit' ? await this.#remains(old) : undefined;
      if (known === undefined) next.delete(key);
    }
    this.#become(next);
  }

  /** What is left of a container whose first process has ended. */
  async #remains(old: Known | undefined): Promise<Known | undefined> {
    if (old === undefined || old.cgroup === 'shared') return undefined;
    return (await this.#options.cgroups.populated(old.cgroup)) ? old : undefined;
  }

  async #identify(namespace: string, record: ContainerRecord, pid: number): Promise<Known | undefined> {
    const cgroup = await this.#options.cgroups.of({ pid, id: record.id, cgroupsPath: cgroupsPathOf(record) });
    if (cgroup === undefined) return undefined;
    const { mode, warning } = modeOf(await this.#annotationsOf(namespace, record));
    const labels = Object.entries(record.labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const place = placeOf(cgroup);
    const signature = JSON.stringify([namespace, record.id, record.image, labels, pid, mode, warning, String(place.cgroup), place.gap]);
    const old = this.#known.get(keyOf(namespace, record.id));
    if (old?.signature === signature) return old;
    const container: Container = {
      id: record.id,
      runtimeNamespace: namespace,
      image: record.image,
      ...place,
      pid,
      workload: containerWorkload(record),
      mode,
      ...(warning === undefined ? {} : { warning }),
    };
    return { container, cgroup, signature };
  }

  /** Its own annotations before its pod's: CRI gives a container only those that it was told to. */
  async #annotationsOf(namespace: string, record: ContainerRecord): Promise<Readonly<Record<string, string>>> {
    const id = sandboxOf(record);
    const own = specAnnotations(record);
    if (id === undefined) return { ...podAnnotations(record), ...own };
    const key = keyOf(namespace, id);
    let pod = this.#pods.get(key);
    if (pod === undefined) {
      const sandbox = await this.#client.container(namespace, id);
      pod = sandbox === undefined ? {} : podAnnotations(sandbox);
      if (this.#pods.size >= MOST_PODS) this.#pods.clear();
      if (sandbox !== undefined) this.#pods.set(key, pod);
    }
    return { ...pod, ...own };
  }

  /** Takes over what was found, and tells it where it is news. */
  #become(next: Map<string, Known>): void {
    const same = next.size === this.#known.size && [...next].every(([key, known]) => this.#known.get(key) === known);
    this.#known = next;
    if (same && this.#listed) return;
    this.#listed = true;
    this.#handlers.onContainers([...next.values()].map(({ container }) => container));
  }
}

function placeOf(cgroup: Cgroup | 'shared'): Pick<Container, 'cgroup' | 'cgroupPath' | 'cgroupRoot' | 'gap' | 'unconfinable'> {
  if (cgroup === 'shared') return { cgroup: 0n, unconfinable: SHARED };
  const { id, path, root } = cgroup;
  const gap = gapOf(cgroup);
  return { cgroup: id, cgroupPath: path, ...(root === undefined ? {} : { cgroupRoot: root }), ...(gap === undefined ? {} : { gap }) };
}

function keyOf(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}
