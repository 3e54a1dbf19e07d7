import { builtin, runtimeName } from "../runtime/builtin.ts";

/** The part of `node:events` that is used. */
interface Events {
  setMaxListeners(count: number, target: EventTarget): void;
}

/**
 * An AbortController whose signal ends many things at once: Node 20 takes more than ten listeners for
 * a leak, and prints a warning.
 */
export function sharedController(): AbortController {
  const controller = new AbortController();
  if (runtimeName() === "node") {
    builtin<Events>("events")!.setMaxListeners(0, controller.signal);
  }
  return controller;
}
