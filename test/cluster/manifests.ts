/** A control plane with the definitions of our kinds, and objects of them. */
import { stringify } from 'yaml';
import { renderDefinitions } from '../../reconciler/src/install/install.ts';
import { ControlPlane } from '../support/cluster/control-plane.ts';
import type { Kubectl } from '../support/cluster/control-plane.ts';

/** Milliseconds that a test may take: kubectl is a program of its own each time, and machines are busy. */
export const PATIENCE = 120_000;
/** Where the programs have to be built first. */
export const BUILD_PATIENCE = 900_000;

export type Json = Readonly<Record<string, unknown>>;

export interface Manifest extends Json {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export async function startWithDefinitions(): Promise<ControlPlane> {
  const plane = await ControlPlane.start();
  await plane.must(['apply', '--server-side', '-f', '-'], renderDefinitions());
  await plane.must(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
  return plane;
}

/** As careful users do. */
export function apply(plane: ControlPlane, ...manifests: readonly Json[]): Promise<Kubectl> {
  // kubectl reads YAML 1.1, where a bare yes is no text.
  const input = manifests.map((one) => stringify(one, { compat: 'yaml-1.1' })).join('---\n');
  return plane.kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], { input });
}

export const policy = (kind: string, spec: Json, name = 'p'): Json => ({
  apiVersion: 'security.kubearmor.com/v1',
  kind,
  metadata: { name, ...(kind === 'KubeArmorPolicy' ? { namespace: 'default' } : {}) },
  spec,
});

export const source = (spec: Json, name = 'shop'): Json => ({
  apiVersion: 'parapet.dev/v1alpha1',
  kind: 'PolicySource',
  metadata: { name, namespace: 'default' },
  spec: { url: 'https://git.test/shop/policies.git', ...spec },
});
