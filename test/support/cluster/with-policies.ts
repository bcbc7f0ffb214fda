/** A control plane that knows our kinds and serves policies. */
import { customResourceDefinitions } from '@parapet/policy';
import { ControlPlane } from './control-plane.ts';

export async function startWithPolicies(): Promise<ControlPlane> {
  const plane = await ControlPlane.start();
  await plane.apply(customResourceDefinitions());
  for (const kind of ['kubearmorpolicies', 'kubearmorclusterpolicies', 'kubearmorhostpolicies'])
    await plane.must(['wait', '--for=condition=Established', `crd/${kind}.security.kubearmor.com`]);
  return plane;
}
