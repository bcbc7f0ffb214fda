/** A control plane with all of an installation but its Deployment at work, and connections as the reconciler's account. */
import { definitionObjects, installObjects } from '../../reconciler/src/install/install.ts';
import { NAME } from '../../reconciler/src/install/part.ts';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import type { ConnectionOptions } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import type { SourceRef } from '../../reconciler/src/adapters/kubernetes/source-objects.ts';
import { ControlPlane } from '../support/cluster/control-plane.ts';
import { EXTERNAL_ARTIFACT } from '../support/flux/definition.ts';
import { source } from './manifests.ts';

let made = 0;

export const HOME = 'parapet-system';
/** Where sources are, besides. */
export const SHOP = 'shop';
/** Where the reconciler has no rights but to policies. */
export const ELSEWHERE = 'bank';

export interface Installed {
  readonly plane: ControlPlane;
  /** With the token that its pod would have, and exactly the rights that are installed. */
  readonly connect: (options?: Pick<ConnectionOptions, 'onAnswer'>) => Connection;
}

export async function startInstalled(): Promise<Installed> {
  const plane = await ControlPlane.start();
  for (const namespace of [HOME, SHOP, ELSEWHERE]) await plane.must(['create', 'namespace', namespace]);
  await plane.apply([...definitionObjects(), EXTERNAL_ARTIFACT]);
  await plane.must(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
  await plane.apply(
    installObjects({ namespace: HOME, image: 'parapet:1', sourceNamespaces: [HOME, SHOP], impersonation: false, flux: true }),
  );
  const kubeconfig = plane.kubeconfig(await plane.token(HOME, NAME));
  return { plane, connect: (options = {}) => new Connection({ kubeconfig, ...options }) };
}

/** Until it is so. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (const started = Date.now(); !(await check()); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() - started > 30_000) throw new Error('it did not happen');
}

/** Makes a PolicySource in `shop`, a new one where it is not named. */
export async function makeSource(plane: ControlPlane, name = `source-${(made += 1)}`): Promise<SourceRef> {
  const metadata = { name, namespace: SHOP };
  await plane.apply([{ ...source({}), metadata }]);
  const uid = await plane.must(['get', 'policysource', name, '-n', SHOP, '-o', 'jsonpath={.metadata.uid}']);
  return { ...metadata, uid };
}
