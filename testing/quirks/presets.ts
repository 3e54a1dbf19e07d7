import { InvalidOptionError } from "../../errors.ts";
import type { RegistryAuth } from "../../server/access/options.ts";
import type { QuirkRule } from "./options.ts";
import type { Preset, PresetName } from "./preset.ts";
import { PRESETS } from "./preset_table.ts";
import { type OneOrMore, rulesOf } from "./quirks.ts";

/** The options that a preset adds to. */
interface Habits {
  preset?: PresetName;
  auth?: RegistryAuth;
  /** What is different beside the preset's own quirks. */
  quirks?: OneOrMore<QuirkRule>;
}

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

/** How a preset authenticates; `undefined` where it leaves that to its options. */
export function presetLogin(name: PresetName): "basic" | "bearer" | undefined {
  const { auth } = PRESETS[name];
  return auth && ("basic" in auth ? "basic" : "bearer");
}

/**
 * The options with what their preset adds.
 *
 * @throws {InvalidOptionError} When there is no such preset.
 */
export function withPreset<T extends Habits>(options: T): T {
  const { preset: name, auth, quirks } = options;
  if (name === undefined) return options;
  if (!isPresetName(name)) {
    throw new InvalidOptionError(
      `Cannot create a registry as 'preset' must be one of ${Object.keys(PRESETS).join(", ")}: ` +
        `current value is ${name}`,
    );
  }
  const preset = PRESETS[name];
  const both = authOf(preset, auth);
  return {
    ...options,
    quirks: [preset.quirks, ...rulesOf(quirks)],
    ...(both && { auth: both }),
  };
}

/** How the preset authenticates, and whom the caller lets in; another way of the caller's wins. */
function authOf({ auth: own }: Preset, given: RegistryAuth | undefined): RegistryAuth | undefined {
  if (own === undefined) return given;
  const everything = { anonymous: ["pull", "push", "delete"] } as const;
  if ("basic" in own) {
    if (given !== undefined && !("basic" in given)) return given;
    return { basic: { ...own.basic, ...(given?.basic ?? everything) } };
  }
  if (given !== undefined && !("bearer" in given)) return given;
  return { bearer: { ...own.bearer, ...(given?.bearer ?? everything) } };
}
