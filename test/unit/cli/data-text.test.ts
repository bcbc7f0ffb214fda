import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { jsonText, yamlText } from '../../../cli/src/data-text.ts';

const HOSTILE = 'a\u009b2J \u202eexe.txt\u2028\ufeff\u007f "x": no\n\u001b[0m';

test.each([
  ['JSON', jsonText],
  ['YAML', yamlText],
])('%s of anything is the same value again, and holds nothing that steers or deceives a terminal', (_name, textOf) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const whole = { value, text, list: [HOSTILE, 'yes', '1e3', ''] };
      const printed = textOf(whole);
      // JSON knows one nought only.
      expect(JSON.stringify(parse(printed))).toBe(JSON.stringify(whole));
      expect(printed).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/);
    }),
  );
});
