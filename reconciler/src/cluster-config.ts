/** How the reconciler is told to follow the PolicySources of a cluster: flags before environment, and every mistake at once. */
import { resolve } from 'node:path';
import type { Problem } from '@parapet/policy';
import { gitEnvironment, wrong } from './config.ts';
import type { Environment } from './config.ts';
import { DEFAULT_NAMESPACE, PORTS } from './install/part.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ClusterConfig {
  /** Path of a kubeconfig; absent: the pod's own service account. */
  readonly kubeconfig?: string;
  /** Where the reconciler keeps its Lease and what has to survive a restart. */
  readonly namespace: string;
  /** This process among its replicas. */
  readonly identity: string;
  /** Absolute; for mirrors, work trees and artifacts. Nothing in it has to survive. */
  readonly data: string;
  /** In the contexts of commit statuses. */
  readonly cluster?: string;
  readonly git: { readonly environment: Readonly<Record<string, string>> };
  /** Health and metrics; absent: nobody listens. */
  readonly operations?: ListenAddress;
  readonly webhooks?: ListenAddress;
  /** Where Flux fetches artifacts: what is listened on, and the URL by which Flux reaches it. */
  readonly artifacts?: { readonly listen: ListenAddress; readonly url: string };
  /** Directory of recorded telemetry for what-if, absolute. */
  readonly telemetry?: string;
  /** Path of the package store, absolute. */
  readonly packages?: string;
  /** Whether PolicySources may name repositories on this machine's disk. */
  readonly localRepositories: boolean;
  /** Sources that run at one time. */
  readonly parallel: number;
  readonly log: 'json' | 'text';
}

/** What the terminal gives; all of it as written there. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly data?: string;
  readonly cluster?: string;
  readonly operations?: string;
  readonly webhooks?: string;
  readonly artifacts?: string;
  readonly artifactsUrl?: string;
  readonly telemetry?: string;
  readonly packages?: string;
  readonly localRepositories?: boolean;
  readonly parallel?: string;
  readonly log?: string;
}

const DATA = '/var/lib/parapet';
const OFF = 'off';

/** Reads flags and environment. There is a configuration exactly when there is no problem. */
export function clusterConfig(
  env: Environment,
  flags: ClusterFlags,
): { readonly config?: ClusterConfig; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const namespace = readNamespace(flags.namespace ?? present(env['POD_NAMESPACE']) ?? DEFAULT_NAMESPACE, problems);
  const cluster = readCluster(flags.cluster ?? present(env['PARAPET_CLUSTER']), problems);
  const operations = readAddress('operations', flags.operations ?? `:${PORTS.operations}`, problems);
  const webhooks = readAddress('webhooks', flags.webhooks ?? `:${PORTS.webhooks}`, problems);
  const artifacts = readArtifacts(flags, namespace, problems);
  const parallel = readParallel(flags.parallel, problems);
  const log = readLog(flags.log, problems);
  if (problems.length > 0) return { problems };
  const config: ClusterConfig = {
    ...{ namespace, parallel, log },
    identity: present(env['POD_NAME']) ?? present(env['HOSTNAME']) ?? 'reconciler',
    data: resolve(flags.data ?? DATA),
    git: { environment: gitEnvironment(env) },
    localRepositories: flags.localRepositories === true,
    ...optional('kubeconfig', absolute(flags.kubeconfig)),
    ...optional('cluster', cluster),
    ...optional('operations', operations),
    ...optional('webhooks', webhooks),
    ...optional('artifacts', artifacts),
    ...optional('telemetry', absolute(flags.telemetry)),
    ...optional('packages', absolute(present(flags.packages) ?? present(env['PARAPET_PACKAGES']))),
  };
  return { config, problems };
}

function readNamespace(text: string, problems: Problem[]): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text))
    problems.push(wrong('namespace', `${JSON.stringify(text)} can't be a namespace's name`));
  return text;
}

function readCluster(text: string | undefined, problems: Problem[]): string | undefined {
  const hint = 'use at most 63 letters, digits, dots, dashes and underscores';
  if (text !== undefined && !/^[\w.-]{1,63}$/.test(text))
    problems.push(wrong('cluster', `${JSON.stringify(text)} can't be a cluster's name`, hint));
  return text;
}

function readParallel(text: string | undefined, problems: Problem[]): number {
  const parallel = Number(text ?? '4');
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64)
    problems.push(wrong('parallel', `${JSON.stringify(text)} is no number of sources`, 'write a number from 1 to 64'));
  return parallel;
}

function readLog(text: string | undefined, problems: Problem[]): ClusterConfig['log'] {
  if (text === undefined || text === 'json' || text === 'text') return text ?? 'json';
  problems.push(wrong('log', `${JSON.stringify(text)} is no form of a log`, 'write json or text'));
  return 'json';
}

const absolute = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(path));

function optional<Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}

const present = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function readAddress(field: string, text: string, problems: Problem[]): ListenAddress | undefined {
  if (text === OFF) return undefined;
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    problems.push(wrong(field, `${JSON.stringify(text)} is no address to listen on`, `write HOST:PORT, :PORT or ${OFF}`));
    return undefined;
  }
  const host = bracketed ?? plain ?? '';
  return { host: host === '' ? '::' : host, port: Number(port) };
}

/** Nobody but Flux asks for them, so they are there only where they are wished for. */
function readArtifacts(flags: ClusterFlags, namespace: string, problems: Problem[]): ClusterConfig['artifacts'] {
  const listen = readAddress('artifacts', flags.artifacts ?? OFF, problems);
  const url = flags.artifactsUrl ?? `http://parapet-artifacts.${namespace}.svc`;
  if (!URL.canParse(url) || !/^https?:\/\/[^/@]+\/?$/.test(url)) {
    problems.push(wrong('artifactsUrl', `${JSON.stringify(url)} is no base of URLs`, 'write http://HOST or https://HOST:PORT'));
    return undefined;
  }
  return listen === undefined ? undefined : { listen, url: url.replace(/\/$/, '') };
}
