import { names, type OptionNames } from "../../content/check_options.ts";
import { environment } from "../../runtime/environment.ts";
import type { Clock } from "../../transport/channel.ts";
import { systemClock } from "../../transport/clock.ts";

/** What every provider of credentials takes, mostly for tests. */
export interface ProviderOptions {
  /**
   * Carries the provider's own requests. The client's `fetch` is not asked.
   * @default {globalThis.fetch}
   */
  fetch?: typeof globalThis.fetch;
  /**
   * Variables by their names. They are read when credentials are wanted, not before.
   * @default {the environment of this process}
   */
  environment?: Readonly<Record<string, string | undefined>>;
  /**
   * Time: what expires, and what is tried again.
   * @default {the machine's}
   */
  clock?: Clock;
}

export const PROVIDER_OPTIONS: OptionNames<ProviderOptions> = names("fetch environment clock");

export interface ProviderSettings {
  fetch: typeof globalThis.fetch;
  /** A variable of the environment; one that is empty is none. */
  variable: (name: string) => string | undefined;
  clock: Clock;
}

/** The options with their defaults. Nothing is read yet. */
export function providerSettings(options: ProviderOptions): ProviderSettings {
  const { clock = systemClock } = options;
  // Looked up with each request: programs and tests replace the global one.
  const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const variable = (name: string) => (options.environment ?? environment())?.[name] || undefined;
  return { fetch, variable, clock };
}
