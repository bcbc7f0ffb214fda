/** An enforcer over this machine's own kernel maps for each test of a file. */
import { afterEach, beforeEach } from '@jest/globals';
import { openNativeEnforcer } from './native-enforcer.ts';
import type { NativeEnforcer } from './native-enforcer.ts';

/** Opens one before each test and hands it over; closes it afterwards. */
export function withNativeEnforcer(use: (native: NativeEnforcer) => void): void {
  let native: NativeEnforcer;
  beforeEach(() => {
    native = openNativeEnforcer();
    use(native);
  });
  afterEach(async () => {
    await native.enforcer.close({ keep: true });
    native.close();
  });
}
