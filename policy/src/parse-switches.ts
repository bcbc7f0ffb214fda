/** `spec.hardening` and `spec.presets`: switches for the whole container. */
import { readAction } from './inherit.ts';
import type { Manner } from './inherit.ts';
import { HARDENING_NAMES, PRESET_NAMES } from './model.ts';
import type { SwitchRule } from './model.ts';
import { at, checkFields, fieldText, isAbsent, readList, readNeededString, readObject, refuse, show, warn } from './reading.ts';
import type { Cursor } from './reading.ts';
import { closest } from './suggest.ts';

/** A rule for each switch that `spec.hardening` sets. Severity, tags and message are the policy's. */
export function readHardening(cursor: Cursor, manner: Manner): readonly SwitchRule[] {
  const body = readObject(cursor);
  if (body === undefined) return [];
  checkFields(body, { known: HARDENING_NAMES, hints: { actions: 'name each switch: ptrace: Block' } });
  return HARDENING_NAMES.flatMap((name): SwitchRule[] => {
    const field = at(body, name);
    const action = readAction(field);
    return action === undefined ? [] : [{ section: 'hardening', ...manner, action, field: fieldText(field.path), from: [], switch: name }];
  });
}

/** A rule for each element of `spec.presets`. The action is the preset's own and nobody else's: `Audit`, or else `Block`, as in KubeArmor. */
export function readPresets(cursor: Cursor, manner: Manner): readonly SwitchRule[] {
  return readList(cursor).flatMap((element): SwitchRule[] => {
    const body = readObject(element);
    if (body === undefined) return [];
    checkFields(body, { known: ['name', 'action'] });
    const preset = readPresetName(at(body, 'name'));
    const field = at(body, 'action');
    const written = readAction(field);
    if (written === 'Allow') {
      const message = 'a preset allows nothing, so this one blocks, as it does in KubeArmor';
      warn(field, { code: 'preset-allow', message, hint: 'write Block or Audit, or remove the preset' });
    }
    if (preset === undefined) return [];
    const action = written === 'Audit' ? 'Audit' : 'Block';
    return [{ section: 'presets', ...manner, action, field: fieldText(element.path), from: [], switch: preset }];
  });
}

function readPresetName(cursor: Cursor): SwitchRule['switch'] | undefined {
  const known = `known: ${PRESET_NAMES.join(', ')}`;
  const text = readNeededString(cursor, { hint: known });
  if (text === undefined) return undefined;
  const preset = PRESET_NAMES.find((name) => name === text);
  if (preset !== undefined || isAbsent(cursor)) return preset;
  const meant = closest(text, PRESET_NAMES);
  const hint = meant === undefined ? known : `did you mean ${meant}?`;
  refuse(cursor, { code: 'invalid-value', message: `${show(text)} is not a preset`, hint });
  return undefined;
}
