import { InvalidOptionError } from "../../errors.ts";
import type { RunOptions } from "../../runtime/process.ts";

/** The largest config, in bytes: those of people with a hundred registries have 30 KB. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** The longest output of a helper, in bytes; credentials have a few hundred, lists some thousands. */
const MAX_HELPER_BYTES = 1024 * 1024;

/** The longest run of a helper, in milliseconds: a person may have to unlock a keychain. */
const HELPER_TIMEOUT_MS = 60_000;

export type HelperLimits = Omit<RunOptions, "input">;

/**
 * The limits of reading configs and running helpers, checked.
 *
 * @throws {InvalidOptionError} When one is not a positive number.
 */
export function limitsOf(options: {
  configBytes?: number;
  helperBytes?: number;
  helperTimeout?: number;
  environment?: Readonly<Record<string, string | undefined>>;
}): { configBytes: number; helperLimits: HelperLimits } {
  const {
    configBytes = MAX_CONFIG_BYTES,
    helperBytes: maxBytes = MAX_HELPER_BYTES,
    helperTimeout: timeout = HELPER_TIMEOUT_MS,
    environment,
  } = options;
  const checked = { configBytes, helperBytes: maxBytes, helperTimeout: timeout };
  for (const [name, value] of Object.entries(checked)) {
    if (typeof value === "number" && value > 0) continue;
    throw new InvalidOptionError(
      `Cannot look for credentials as '${name}' must be a positive number: current value is ` +
        String(value),
    );
  }
  return { configBytes, helperLimits: { timeout, maxBytes, ...(environment && { environment }) } };
}
