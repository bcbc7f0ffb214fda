/** Opens what one PolicySource is carried out with: its repository, its delivery, the host of its statuses. */
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Problem } from '@parapet/policy';
import { FluxArtifact } from '../../adapters/flux/delivery.ts';
import type { ArtifactStore } from '../../adapters/flux/store.ts';
import { GitSource } from '../../adapters/git.ts';
import { createHost } from '../../adapters/hosts/create-host.ts';
import { ConfigMapStore } from '../../adapters/kubernetes/config-map-store.ts';
import type { Connection } from '../../adapters/kubernetes/connection.ts';
import { DirectDelivery } from '../../adapters/kubernetes/direct.ts';
import type { LivePolicies } from '../../adapters/kubernetes/live-policies.ts';
import { ApiObjectWriter } from '../../adapters/kubernetes/object-writer.ts';
import type { SecretReader } from '../../adapters/kubernetes/secret-reader.ts';
import { RenderedBranch } from '../../adapters/rendered-branch.ts';
import type { RenderedBranchOptions } from '../../adapters/rendered-branch.ts';
import type { ClusterConfig } from '../../cluster-config.ts';
import type { Delivery } from '../../delivery.ts';
import { describeProblems, plain } from '../../describe.ts';
import { readGitSecret } from '../../git-secret.ts';
import type { GitCredentials } from '../../git-secret.ts';
import { readSigners } from '../../git-signature.ts';
import type { Signers } from '../../git-signature.ts';
import { Judge } from '../../judge.ts';
import { claim } from '../../ownership.ts';
import type { Clock, Log, Metrics, Synthesizer } from '../../ports.ts';
import { sourceName } from '../../source-loop-parts.ts';
import type { OpenObject, SourceWork } from '../../source-loop-parts.ts';
import { withdrawAll } from '../../source-end.ts';
import type { SourceIdentity } from '../../source-object.ts';
import type { LocalRef, SourceSpec, StatusHostSpec } from '../../source-spec.ts';
import { SourceReporting } from '../../source-reporting.ts';
import { SourceStatuses } from '../../source-statuses.ts';
import type { Paces } from '../../source-statuses.ts';
import { readSourceUrl, sourceDirectory } from '../../source-url.ts';
import { gateOf, rulesOf } from '../../source-rules.ts';
import { CommitWork } from '../../source-work.ts';
import type { WorkParts } from '../../source-work.ts';
import { StageError } from '../../stage-error.ts';
import type { CommentQueue } from '../../comment-queue.ts';
import type { Readiness } from '../../readiness.ts';
import type { StoredPolicies } from '../../stored-policies.ts';
import type { Telemetry } from '../../telemetry.ts';
import { wantedPolicies } from '../../wanted-policy.ts';

/** What all sources share while this process leads. */
export interface OpenerParts {
  readonly config: ClusterConfig;
  readonly connection: Connection;
  readonly live: LivePolicies;
  readonly secrets: SecretReader;
  readonly synthesizer: Synthesizer;
  readonly artifacts: ArtifactStore | undefined;
  readonly paces: Paces;
  readonly readiness: Readiness;
  readonly stored: StoredPolicies;
  readonly telemetry: Telemetry | undefined;
  /** The comments of a host, by the base of its API. */
  readonly comments: (apiUrl: string) => CommentQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Aborted when somebody else may lead: nothing is written from then on. */
  readonly signal: AbortSignal;
}

interface Opened {
  readonly key: string;
  readonly work: SourceWork;
  readonly close: () => Promise<void>;
}

export class SourceOpener {
  readonly #parts: OpenerParts;
  readonly #identity: SourceIdentity;
  readonly #reporting: SourceReporting;
  readonly #stores: readonly ConfigMapStore[];
  #opened: Opened | undefined;

  constructor(identity: SourceIdentity, parts: OpenerParts) {
    const { clock, config, connection, log, metrics, signal, paces } = parts;
    this.#parts = parts;
    this.#identity = identity;
    const { cluster, namespace } = config;
    const stored = (kind: string): ConfigMapStore => new ConfigMapStore({ connection, namespace, kind, key: identity.uid, signal });
    const [outbox, violations] = [stored('outbox'), stored('violations')];
    this.#stores = [outbox, violations];
    const host = ({ provider, apiUrl, repository, secret }: StatusHostSpec): ReturnType<typeof createHost> =>
      createHost({ provider, apiUrl, repository }, () => this.#secret(secret, signal));
    const named: Log = (event) => log({ source: sourceName(identity), ...event });
    const statuses = new SourceStatuses({ host, outbox, cluster, clock, log: named, metrics }, paces);
    const { comments, readiness, telemetry } = parts;
    const others = { comments, readiness, stored: parts.stored, telemetry };
    this.#reporting = new SourceReporting({ identity, statuses, violations, cluster, clock, log: named, ...others });
  }

  /** Nodes have told something new. */
  look(): void {
    this.#reporting.look();
  }

  /** Statuses that wait for the source's host. */
  get queued(): SourceReporting['queued'] {
    return this.#reporting.queued;
  }

  /** The same work as long as spec and signers are. Rejects with a StageError. */
  async open(object: OpenObject, signal: AbortSignal): Promise<SourceWork> {
    const { spec } = object;
    const signers = spec.verify === undefined ? undefined : await this.#signers(spec.verify.secret, signal);
    const key = JSON.stringify([spec, signers]);
    if (this.#opened?.key === key) return this.#opened.work;
    await this.#opened?.close();
    this.#opened = undefined;
    this.#opened = { key, ...(await this.#make(spec, signers)) };
    return this.#opened.work;
  }

  /** Takes back what was delivered: neither the program nor who signed it matters any more. Rejects with a StageError. */
  async withdraw(spec: SourceSpec, signal: AbortSignal): Promise<readonly Problem[]> {
    await this.#opened?.close();
    this.#opened = undefined;
    const { delivery, close } = this.#delivery(spec, () => Promise.resolve(Math.floor(this.#parts.clock.now() / 1000)));
    try {
      return await withdrawAll(delivery, spec.url, signal);
    } finally {
      await close?.();
    }
  }

  async close(): Promise<void> {
    await this.#opened?.close();
    this.#opened = undefined;
    await this.#reporting.close();
  }

  /** The source is no more. Never rejects. */
  async forget(): Promise<void> {
    try {
      await this.#reporting.end();
      for (const store of this.#stores) await store.remove();
    } catch (error) {
      if (!this.#parts.signal.aborted) this.#tell(`what was kept of it can't be removed: ${messageOf(error)}`);
    }
  }

  async #make(spec: SourceSpec, signers: Signers | undefined): Promise<Omit<Opened, 'key'>> {
    this.#refuseLocal(spec.url);
    const source = this.#source(spec, signers);
    const { delivery, close, onRefused } = this.#delivery(spec, (commit, signal) => source.committedAt(commit, signal));
    const run = this.#run(spec, { source, delivery });
    // A pull request is judged by itself: what it lacks is not forgotten about the source's own policies.
    const plan = { ...run, judge: new Judge(), rules: rulesOf(spec, false) };
    const announcer = await this.#reporting.open(spec, plan);
    const { readiness } = this.#parts;
    const work = new CommitWork({
      ...{ spec, run, others: this.#reporting },
      onDelivered: ({ revision }) => readiness.expect(this.#identity.uid, { commit: revision.commit, policies: wantedPolicies(revision) }),
      ...(announcer === undefined ? {} : { announcer }),
      ...(onRefused === undefined ? {} : { onRefused }),
    });
    return {
      work,
      close: async () => {
        await this.#reporting.pause();
        await source.close();
        await close?.();
      },
    };
  }

  #run(spec: SourceSpec, { source, delivery }: { readonly source: GitSource; readonly delivery: Delivery }): WorkParts['run'] {
    const { metrics, synthesizer } = this.#parts;
    const { namespace, name, uid } = this.#identity;
    return {
      ...{ source, synthesizer, judge: new Judge(), delivery, metrics },
      claim: (manifest, ref, commit) => claim(manifest, ref, { source: { namespace, name, uid }, repository: source.url, commit }),
      gate: gateOf(spec),
      breathe: () => breathe(),
      now: () => performance.now(),
    };
  }

  #source(spec: SourceSpec, signers: Signers | undefined): GitSource {
    const { config } = this.#parts;
    return new GitSource({
      url: spec.url,
      ref: spec.ref,
      path: spec.path,
      directory: join(config.data, 'sources', sourceDirectory(this.#identity)),
      environment: config.git.environment,
      credentials: () => this.#credentials(spec.secret, spec.url),
      patience: { resolve: Math.min(spec.timeout, 20_000), fetch: spec.timeout },
      ...(spec.verify === undefined || signers === undefined ? {} : { verify: { mode: spec.verify.mode, signers } }),
      ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    });
  }

  /** Whoever may write a PolicySource could read what is on our disk. */
  #refuseLocal(url: string): void {
    if (this.#parts.config.localRepositories || !url.startsWith('file:')) return;
    throw new StageError('resolve', 'repositories on the disk of the reconciler are not for PolicySources: use an https or ssh URL', {
      retry: false,
    });
  }

  #delivery(
    spec: SourceSpec,
    committedAt: RenderedBranchOptions['committedAt'],
  ): { readonly delivery: Delivery; readonly close?: () => Promise<void> } & Pick<WorkParts, 'onRefused'> {
    const { artifacts, clock, config, connection, live } = this.#parts;
    const { namespace, name, uid } = this.#identity;
    const { delivery } = spec;
    switch (delivery.mode) {
      case 'Direct': {
        const as = spec.serviceAccountName === undefined ? undefined : `system:serviceaccount:${namespace}:${spec.serviceAccountName}`;
        const onForced = (_: unknown, why: string): void => this.#tell(`fields of others are taken over: ${plain(why)}`);
        return { delivery: new DirectDelivery({ connection, live, source: uid, as, force: spec.force, onForced }) };
      }
      case 'RenderedBranch': {
        const url = delivery.url ?? spec.url;
        this.#refuseLocal(url);
        const branch = new RenderedBranch({
          url,
          branch: delivery.branch,
          path: delivery.path,
          directory: join(config.data, 'rendered', sourceDirectory(this.#identity)),
          environment: config.git.environment,
          credentials: () => this.#credentials(delivery.secret, url),
          owner: sourceName(this.#identity),
          programPath: spec.path,
          committedAt,
          patience: spec.timeout,
        });
        return { delivery: branch, close: () => branch.close() };
      }
      case 'FluxArtifact': {
        if (artifacts === undefined || config.artifacts === undefined)
          throw new StageError('target', 'this reconciler serves no artifacts: start it with --artifacts (parapet install --flux does)', {
            retry: false,
          });
        const { kind, value } = { value: '', ...spec.ref };
        const artifact = new FluxArtifact({
          source: { namespace, name, uid },
          artifactName: delivery.artifactName,
          programPath: spec.path,
          ...(kind === 'branch' || kind === 'tag' ? { ref: value } : {}),
          baseUrl: config.artifacts.url,
          store: artifacts,
          objects: new ApiObjectWriter(connection),
          clock,
        });
        const reasons = { refused: 'StorageOperationFailed', unverified: 'VerificationFailed', failed: 'FetchFailed' } as const;
        return {
          delivery: artifact,
          onRefused: (why, message, signal) =>
            artifact.fail(reasons[why], message, signal).catch((error: unknown) => this.#tell(`Flux can't be told: ${messageOf(error)}`)),
        };
      }
    }
  }

  #secret({ name }: LocalRef, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    return this.#parts.secrets.read({ namespace: this.#identity.namespace, name }, signal);
  }

  async #credentials(secret: LocalRef | undefined, url: string): Promise<GitCredentials | undefined> {
    if (secret === undefined) return undefined;
    const { source } = readSourceUrl(url);
    const { credentials, problems } = readGitSecret(await this.#secret(secret, this.#parts.signal), source ?? { protocol: 'https', url });
    if (credentials === undefined) throw this.#unusable(secret, problems);
    return credentials;
  }

  async #signers(secret: LocalRef, signal: AbortSignal): Promise<Signers> {
    const { signers, problems } = readSigners(await this.#secret(secret, signal));
    if (signers === undefined) throw this.#unusable(secret, problems);
    return signers;
  }

  #unusable({ name }: LocalRef, problems: readonly Problem[]): StageError {
    return new StageError('secret', `the Secret ${this.#identity.namespace}/${name} can't be used: ${describeProblems(problems)}`);
  }

  #tell(message: string): void {
    this.#parts.log({ level: 'warn', stage: 'target', source: sourceName(this.#identity), message });
  }
}

function messageOf(error: unknown): string {
  return plain(error instanceof Error ? error.message : String(error));
}
