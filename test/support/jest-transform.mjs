/** A jest transformer that strips types with esbuild: no type check (that is `npm run check`), no rewriting of imports. */
import { transformSync } from 'esbuild';

export default {
  process(source, path) {
    const { code, map } = transformSync(source, { loader: 'ts', format: 'esm', target: 'node22', sourcemap: 'external', sourcefile: path });
    return { code, map };
  },
};
