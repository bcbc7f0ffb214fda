/** A controller that is killed again and again while people push: one cluster, two PolicySources, and a record of all that happened. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '../../../reconciler/src/adapters/kubernetes/connection.ts';
import { ControlPlane } from '../cluster/control-plane.ts';
import { ControllerProcess, HOME, install, scratch } from '../cluster/controller-process.ts';
import { ClusterWatch, policiesPath, SOURCES_PATH } from './cluster-watch.ts';
import type { StoredPolicy } from './cluster-watch.ts';
import { follow, SECRET, TOKEN } from './followed.ts';
import type { Followed } from './followed.ts';
import { ReportingNode } from './node.ts';
import { faultsOfPolicies } from './policy-judge.ts';
import type { Random } from './random.ts';
import { Reaper } from './reaper.ts';
import { differences } from './settled.ts';
import type { Found } from './settled.ts';
import { deaths } from './stages.ts';
import type { Death } from './stages.ts';
import { faultsOfPosts } from './status-judge.ts';
import { startTappedProxy } from './tapped-proxy.ts';
import type { TappedProxy } from './tapped-proxy.ts';

const NAMESPACE = 'shop';
/** Milliseconds within which a process is killed that dies at a random moment: those of a run and of all that comes of it. */
const SPAN = 5000;
/** Milliseconds until a process whose stage does not come is given more to do, and then killed. */
const SLOW = 6000;
/** Milliseconds until what has not come about ends the test. */
const PATIENCE = 180_000;
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${HOME}/leases/parapet-reconciler`;
const FOREIGN = ['by-hand-0', 'by-hand-1'];

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds).unref());

interface Parts {
  readonly random: Random;
  readonly reaper: Reaper;
  readonly plane: ControlPlane;
  /** The controller's, through a proxy. */
  readonly kubeconfig: string;
  readonly proxy: TappedProxy;
  /** The administrator's. */
  readonly connection: Connection;
  readonly followed: readonly Followed[];
  readonly node: ReportingNode;
  readonly watch: ClusterWatch;
}

export class Campaign {
  readonly #parts: Parts;
  readonly #bugs: string[] = [];
  #data = scratch();
  #foreign = '';
  #log = '';

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async begin(random: Random): Promise<Campaign> {
    const plane = await ControlPlane.start();
    const reaper = new Reaper(random);
    const proxy = await startTappedProxy({ url: plane.url, ca: plane.ca, tls: certificateOf(plane) }, reaper.tap('api'));
    const kubeconfig = through(proxy.url, await install(plane), plane);
    await plane.must(['create', 'namespace', NAMESPACE]);
    await plane.must(['create', 'secret', 'generic', SECRET, '-n', HOME, `--from-literal=token=${TOKEN}`]);
    await plane.apply(FOREIGN.map(byHand));
    const about = { namespace: NAMESPACE, random, tap: reaper.tap.bind(reaper) };
    const followed = [
      await follow({ ...about, name: 'east', provider: 'GitHub' }),
      await follow({ ...about, name: 'west', provider: 'Gitea' }),
    ];
    const connection = new Connection({ kubeconfig: plane.kubeconfig() });
    const node = new ReportingNode(connection, NAMESPACE);
    const watch = await ClusterWatch.begin(connection, NAMESPACE, () => node.look());
    node.start();
    const campaign = new Campaign({ random, reaper, plane, kubeconfig, proxy, connection, followed, node, watch });
    campaign.#foreign = await campaign.#foreignPolicies();
    for (const { writer } of followed) writer.push();
    await plane.apply(followed.map(({ object }) => object));
    return campaign;
  }

  async end(): Promise<void> {
    const { connection, followed, node, plane, proxy, watch } = this.#parts;
    await node.end();
    await watch.end();
    await connection.close();
    for (const one of [...followed, proxy]) await one.close();
    await plane.stop();
    this.#data.remove();
  }

  /** So many processes are killed, one after the other; then one is left alone. Gives all that is wrong by then. */
  async kill(count: number): Promise<readonly string[]> {
    const all = deaths(count, this.#parts.random);
    for (const [at, death] of all.entries()) await this.#live(death, at === all.length - 1);
    const unsettled = await this.#rest();
    return [...unsettled, ...(await this.#faults())];
  }

  /** Whether one more process, that has nothing to do, says nothing. */
  async saysNothingTwice(): Promise<readonly string[]> {
    const posts = (): number => this.#parts.followed.reduce((sum, one) => sum + one.posts().length, 0);
    const before = posts();
    const unsettled = await this.#rest();
    return posts() === before ? unsettled : [`${posts() - before} statuses were posted by a process that had nothing to do`];
  }

  get figures(): {
    readonly kills: number;
    readonly commits: number;
    readonly posts: number;
    readonly events: number;
    readonly where: Readonly<Record<string, number>>;
  } {
    const { followed, reaper, watch } = this.#parts;
    return {
      kills: reaper.count,
      commits: followed.reduce((sum, { writer }) => sum + writer.commits.length, 0),
      posts: followed.reduce((sum, { posts }) => sum + posts().length, 0),
      events: watch.policies.length,
      where: Object.fromEntries([...reaper.kills].sort()),
    };
  }

  /** Of the process that lived last. */
  get log(): string {
    return this.#log;
  }

  /** One process, until its death. What is pushed while the `last` one lives is good, for whoever comes after it. */
  async #live(death: Death, last: boolean): Promise<void> {
    const { followed, random, reaper } = this.#parts;
    if (last) for (const one of followed) await this.#push(one, 'good');
    else if (random.happens(0.5)) await this.#push();
    const controller = this.#start();
    try {
      const struck = reaper.arm(controller, death, SPAN);
      const waits = last ? [SLOW] : [random.whole(0, 2000), ...(random.happens(0.4) ? [random.whole(0, 1500)] : []), SLOW, SLOW];
      for (const [at, wait] of waits.entries()) {
        if (at > 0) await this.#push();
        await Promise.race([struck, pause(wait)]);
        if (!reaper.isArmed) break;
      }
    } finally {
      reaper.giveUp();
      await this.#bury(controller);
    }
  }

  /** A process is left alone until all is as the last commits say; gives what is not. */
  async #rest(): Promise<readonly string[]> {
    const controller = this.#start();
    try {
      await controller.line(({ message }) => message === 'this process leads');
      return await this.#settle();
    } finally {
      await this.#bury(controller);
    }
  }

  async #settle(): Promise<readonly string[]> {
    const { followed } = this.#parts;
    const runs = await Promise.all(followed.map(async (one) => this.#ask(one.name)));
    for (const end = Date.now() + PATIENCE; ; await pause(100)) {
      const found = await Promise.all(followed.map(async (one) => this.#find(one.name)));
      const wrong = followed.flatMap((one, at) => [
        ...differences(one, found[at]!),
        ...(found[at]!.source.status?.lastHandledReconcileAt === runs[at] ? [] : [`${one.name} has not done what was asked of it`]),
      ]);
      if (wrong.length === 0 || Date.now() > end) return wrong;
    }
  }

  /** All that was wrong so far, at whatever moment. */
  async #faults(): Promise<readonly string[]> {
    const { followed, reaper, watch } = this.#parts;
    const pushed = new Map(followed.map(({ name, writer }) => [name, writer.commits]));
    return [
      ...faultsOfPolicies({ pushed, policies: watch.policies, sources: watch.sources }),
      ...followed.flatMap(({ posts }) => faultsOfPosts(posts())),
      ...followed.flatMap(({ hostFaults }) => hostFaults()),
      ...((await this.#foreignPolicies()) === this.#foreign ? [] : ['a policy that somebody made by hand is not as it was']),
      ...reaper.faults,
      ...this.#bugs,
    ];
  }

  #start(): ControllerProcess {
    const { kubeconfig } = this.#parts;
    return ControllerProcess.start({ kubeconfig, data: this.#data.path, built: true });
  }

  /** It has ended, and the next one need not wait for its lease: how long it would is what the tests of the lease are about. */
  async #bury(controller: ControllerProcess): Promise<void> {
    const { connection, random } = this.#parts;
    await controller.kill();
    this.#log = controller.log;
    this.#bugs.push(...controller.lines.filter(({ stage }) => stage === 'bug').map(({ message }) => message));
    await connection.ask({ method: 'DELETE', path: LEASE }).catch(() => undefined);
    if (random.happens(0.7)) return;
    // Another node's disk: nothing on it is known.
    this.#data.remove();
    this.#data = scratch();
  }

  async #push(to = this.#parts.random.pick(this.#parts.followed), kind?: 'good'): Promise<void> {
    to.writer.push(kind);
    await this.#ask(to.name);
  }

  /** Asks for a run; gives by what that is known. */
  async #ask(name: string): Promise<string> {
    const at = `${new Date().toISOString()}-${this.#parts.random.next()}`;
    const body = { metadata: { annotations: { 'reconcile.parapet.dev/requestedAt': at } } };
    const path = `${SOURCES_PATH}/${name}`;
    await this.#parts.connection.ask({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
    return at;
  }

  async #find(name: string): Promise<Found> {
    const { connection } = this.#parts;
    const source = await connection.ask<Found['source']>({ method: 'GET', path: `${SOURCES_PATH}/${name}` });
    return { source, policies: await this.#policies() };
  }

  async #policies(): Promise<readonly StoredPolicy[]> {
    const path = policiesPath(NAMESPACE);
    return (await this.#parts.connection.ask<{ items: readonly StoredPolicy[] }>({ method: 'GET', path })).items;
  }

  async #foreignPolicies(): Promise<string> {
    const ours = (await this.#policies()).filter(({ metadata }) => FOREIGN.includes(metadata.name));
    return JSON.stringify(
      ours.map(({ metadata: { name, uid, generation, labels, annotations }, spec }) => ({
        name,
        uid,
        generation,
        labels,
        annotations,
        spec,
      })),
    );
  }
}

function byHand(name: string): object {
  const spec = { selector: { matchLabels: { app: name } }, process: { matchPaths: [{ path: '/bin/sh' }] }, action: 'Block' };
  return { apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorPolicy', metadata: { name, namespace: NAMESPACE }, spec };
}

/** The proxy passes for the API server, so that whoever trusts the one trusts the other. */
function certificateOf({ home, ca }: ControlPlane): { readonly key: string; readonly cert: string } {
  return { key: readFileSync(join(home, 'certs/apiserver.key'), 'utf8'), cert: ca };
}

/** The same account, by way of a proxy. */
function through(url: string, kubeconfig: string, plane: ControlPlane): string {
  const file = join(plane.home, 'kubeconfig-through-proxy');
  writeFileSync(file, readFileSync(kubeconfig, 'utf8').replaceAll(plane.url, url), { mode: 0o600 });
  return file;
}
