import { checkOptions } from "./check_options.ts";
import type { StoreOptions } from "./store.ts";

/**
 * Refuses an option that does not exist, and a call that was aborted before it began.
 *
 * @throws {InvalidOptionError} When there is no such option.
 */
export function checkCall(options: StoreOptions, names: object): void {
  checkOptions(options, names);
  options.signal?.throwIfAborted();
}
