import type { ProgressEvent } from "../events.ts";
import type { Channel } from "../transport/channel.ts";

/** Four times a second is what an eye can follow, and costs nothing. */
const INTERVAL_MS = 250;

/** Emits the progress of one transfer: not oftener than a few times a second, and at the end. */
export function progressReporter(
  channel: Pick<Channel, "clock" | "emit">,
  transfer: Omit<ProgressEvent, "type" | "bytes" | "done">,
): (bytes: number, done?: boolean) => void {
  let last = channel.clock.now();
  return (bytes, done = bytes === transfer.total) => {
    const now = channel.clock.now();
    if (!done && now - last < INTERVAL_MS) return;
    last = now;
    channel.emit({ type: "progress", ...transfer, bytes, done });
  };
}
