/** A control plane with all of an installation but its Deployment at work, and connections as the reconciler's account. */
import { definitionObjects, installObjects } from '../../reconciler/src/install/install.ts';
import { NAME } from '../../reconciler/src/install/part.ts';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import type { ConnectionOptions } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { ControlPlane } from '../support/cluster/control-plane.ts';
import { EXTERNAL_ARTIFACT } from '../support/flux/definition.ts';

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
