import { InvalidOptionError } from "../../errors.ts";
import { quoteInput } from "../../reference/quote_input.ts";

const HOST = /^[\w.-]+(?::\d+)?$|^\[[\da-f:]+\](?::\d+)?$/i;

/**
 * A host, with its port where it has one, as a registry's URL has it: in lower case, without the port
 * of https. `undefined` where the text is none.
 */
export function registryHost(text: string): string | undefined {
  if (!HOST.test(text) || !URL.canParse(`https://${text}`)) return undefined;
  return new URL(`https://${text}`).host;
}

/**
 * The host that a provider's option `host` gives.
 *
 * @throws {InvalidOptionError} When it is none.
 */
export function hostOption(provider: string, host: string): string {
  const found = registryHost(host);
  if (found !== undefined) return found;
  throw new InvalidOptionError(
    `Cannot use ${provider}: host must be a host, with its port where it has one: current value is ` +
      quoteInput(host, "registry"),
  );
}
