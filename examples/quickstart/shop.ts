import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { ContainerPolicy } from '@parapet/sdk';

/** The policies of namespace `shop`: a web tier that is hardened, and a vault that may do only what is listed. */
export class Shop extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'shop' });

    new ContainerPolicy(this, 'web', { select: { app: 'web' }, severity: 5, tags: ['shop', 'web'] })
      .blockExec('/usr/bin/apt', '/usr/bin/dpkg', { severity: 8, message: 'Packages are installed when the image is built' })
      .blockExec('/usr/bin/wget', { unlessFrom: '/bin/ash', message: 'Only the deployment shell downloads' })
      .blockFiles('/etc/shadow', { severity: 9, message: 'Nobody logs in here' })
      .readOnly('/etc/app/', { message: 'Configuration changes through a new image' })
      .blockFiles('/var/secrets/', { severity: 10, message: 'Secrets belong to the vault' })
      .blockNetwork('udp', { message: 'The web tier speaks TCP' })
      .blockCapability('chown', { message: 'Files keep their owners' })
      .auditFiles('/etc/passwd', { severity: 2, message: 'Somebody looks at the users' });

    new ContainerPolicy(this, 'vault', { select: { app: 'vault' }, severity: 7, tags: ['shop', 'vault'] }).allowOnly({
      exec: ['/bin/sh', '/bin/cat', '/bin/sleep', '/bin/nc'],
      readOnly: ['/etc/vault/'],
      files: ['/var/vault/', '/dev/null'],
      network: ['tcp'],
      message: 'The vault does only what is listed',
    });
  }
}
