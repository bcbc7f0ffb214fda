/** Looking for a PolicySource by its name. */
import { closest } from '@parapet/policy';
import { StageError } from '../stage-error.ts';
import type { OperatedCluster, SourceName } from './ports.ts';
import { viewOf } from './source-view.ts';
import type { SourceView } from './source-view.ts';

/** Names in one sentence. */
const MAX_NAMED = 10;

/** In order of namespace and name; of all namespaces where none is given. */
export async function listSources(cluster: OperatedCluster, namespace: string | undefined): Promise<readonly SourceView[]> {
  const views = (await cluster.sources(namespace)).map(viewOf);
  return views.toSorted((a, b) => compareTexts(a.namespace, b.namespace) || compareTexts(a.name, b.name));
}

/** Rejects with a StageError that says what there is instead. */
export async function findSource(cluster: OperatedCluster, name: SourceName): Promise<SourceView> {
  const object = await cluster.source(name);
  if (object !== undefined) return viewOf(object);
  throw new StageError('target', notFound(name, await others(cluster, name)), { retry: false });
}

/** Of all namespaces, where the user may see that. That our kinds are not installed shows here too. */
async function others(cluster: OperatedCluster, { namespace }: SourceName): Promise<readonly SourceView[]> {
  try {
    return await listSources(cluster, undefined);
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    return listSources(cluster, namespace);
  }
}

function notFound({ namespace, name }: SourceName, all: readonly SourceView[]): string {
  const said = `there is no PolicySource ${name} in the namespace ${namespace}`;
  const here = all.filter((one) => one.namespace === namespace).map((one) => one.name);
  const elsewhere = all.filter((one) => one.name === name).map((one) => one.namespace);
  if (elsewhere.length > 0) return `${said}, but there is one in ${some(elsewhere)}`;
  const near = closest(name, here);
  if (near !== undefined) return `${said}; did you mean ${near}?`;
  if (here.length > 0) return `${said}; there are ${some(here)}`;
  return all.length === 0 ? `${said}, nor any other` : `${said}; there are ${some(all.map((one) => `${one.namespace}/${one.name}`))}`;
}

function some(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
