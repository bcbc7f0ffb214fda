/** Which cluster is meant and who we are there: from kubeconfig files as kubectl reads them, or from the pod's own service account. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { StageError } from '../../stage-error.ts';

export interface ClusterChoice {
  /**
   * Path of a kubeconfig; of several the first that names something counts, and those that are not there are passed over. `undefined` is the
   * pod's own service account.
   */
  readonly kubeconfig: string | readonly string[] | undefined;
  /** Name of a context; the current one unless told. */
  readonly context?: string | undefined;
}

/** Throws a StageError when there is no usable configuration. It tells nothing of what a file holds: there are credentials in it. */
export function loadKubeConfig({ kubeconfig, context }: ClusterChoice): KubeConfig {
  const files = typeof kubeconfig === 'string' ? [kubeconfig] : kubeconfig;
  const config = files === undefined ? ofPod() : merged(files);
  const where = files?.join(' and ') ?? "the pod's service account";
  const known = config.getContexts().map(({ name }) => name);
  const wanted = context ?? config.getCurrentContext();
  if (typeof wanted !== 'string' || wanted === '') throw unusable(`${where} has no current context: ${choice(known)}`);
  if (!known.includes(wanted)) throw unusable(`there is no context ${JSON.stringify(wanted)} in ${where}: ${choice(known)}`);
  config.setCurrentContext(wanted);
  if (!URL.canParse(config.getCurrentCluster()?.server ?? '')) throw unusable(`the context ${wanted} in ${where} names no cluster`);
  return config;
}

function ofPod(): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromCluster();
  } catch {
    throw unusable("the pod's service account can't be used to reach a cluster");
  }
  return config;
}

function merged(files: readonly string[]): KubeConfig {
  const there = files.map(loadFile).filter((config) => config !== undefined);
  if (there.length === 0) throw unusable(`there is no kubeconfig at ${files.join(' or ')}`);
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: named(there.flatMap((one) => one.getClusters())),
    users: named(there.flatMap((one) => one.getUsers())),
    contexts: named(there.flatMap((one) => one.getContexts())),
    currentContext: there.map((one) => one.getCurrentContext()).find((name) => typeof name === 'string' && name !== ''),
  });
  return config;
}

/** `undefined` where there is no such file. */
function loadFile(file: string): KubeConfig | undefined {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw unusable(`${file} can't be read: ${code}`);
  }
  const config = new KubeConfig();
  try {
    config.loadFromString(text);
    config.makePathsAbsolute(dirname(file));
  } catch {
    throw unusable(`${file} is not a kubeconfig`);
  }
  return config;
}

/** The first of each name. */
function named<Entry extends { readonly name: string }>(entries: readonly Entry[]): Entry[] {
  return entries.filter(({ name }, index) => entries.findIndex((other) => other.name === name) === index);
}

function choice(contexts: readonly string[]): string {
  return contexts.length === 0 ? 'it has none' : `there are ${contexts.slice(0, 10).join(', ')}`;
}

function unusable(message: string): StageError {
  return new StageError('target', message, { retry: false });
}
