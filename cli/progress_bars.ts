import { formatBytes, formatTime, shortDigest } from "./format.ts";
import { kindOf, type Moving, type ProgressState } from "./progress_state.ts";

/** From this width on a digest is written in full. */
const WIDE_COLUMNS = 140;

/** From this width on there is room for the time that is left. */
const ROOM_FOR_TIME = 100;

/** Below this width a line is a blob's short digest and how much of it came. */
const NARROW_COLUMNS = 56;

/** How much must have come, as a part of the rest, before it tells the rest's time. */
const PART_FOR_TIME = 0.01;

/** A longer bar says no more. */
const BAR_CELLS = 50;

/** A shorter bar says nothing. */
const LEAST_CELLS = 6;

/** What stands behind a bar has a width of its own, so that bars stand under each other. */
const AMOUNT_WIDTH = 26;

/** The lines that show a copy under way: one for each blob that moves, and one for the whole. */
export function progressBars(
  state: ProgressState,
  { columns, rows, now }: { columns: number; rows: number; now: number },
): string[] {
  const room = Math.max(1, rows - 3);
  const all = [...state.moving.values()];
  const shown = all.length > room ? all.slice(0, room - 1) : all;
  const lines = shown.map((moving) => blobLine(moving, columns, now));
  if (shown.length < all.length) lines.push(`and ${all.length - shown.length} more`);
  return [...lines, wholeLine(state, columns, now)].map((line) => line.slice(0, columns - 1));
}

function blobLine({ descriptor, bytes, offset, started }: Moving, columns: number, now: number) {
  const { digest, size, mediaType } = descriptor;
  const kind = kindOf(mediaType).padEnd(8);
  const short = shortDigest(digest);
  const left = columns < NARROW_COLUMNS
    ? short.slice(short.indexOf(":") + 1)
    : `${columns >= WIDE_COLUMNS ? digest : short} ${kind}`;
  // A body that is handed over whole tells nothing on its way: its time does.
  const amount = bytes === undefined
    ? `     ${formatBytes(size)}  ${formatTime(now - started)}`
    : `${percent(bytes, size)} ${formatBytes(bytes)} of ${formatBytes(size)}`;
  return barLine(left, size === 0 ? 1 : (bytes ?? offset) / size, amount, columns);
}

function wholeLine(state: ProgressState, columns: number, now: number): string {
  const { total, done } = state;
  const there = state.there();
  const rate = state.rate(now);
  const more = total.final ? "" : "+"; // there is more to come
  const speed = rate === 0 ? "" : ` ${formatBytes(Math.round(rate))}/s`;
  const whole = `whole ${done.descriptors}/${total.descriptors}${more}`;
  const left = columns < NARROW_COLUMNS
    ? whole.padEnd(12)
    : `${whole}${speed}`.padEnd((columns >= WIDE_COLUMNS ? 71 : 19) + 9);
  const amount = `${percent(there, total.bytes)} ${formatBytes(there)} of ${
    formatBytes(total.bytes)
  }${more}`;
  const remaining = total.bytes - there;
  const isKnown = more === "" && state.moved() > remaining * PART_FOR_TIME;
  const time = !isKnown || remaining <= 0 || columns < ROOM_FOR_TIME
    ? ""
    : `${formatTime(remaining * 1_000 / rate)} left`;
  const part = total.bytes === 0 ? 0 : there / total.bytes;
  return barLine(left, part, `${amount.padEnd(AMOUNT_WIDTH)}${time}`, columns);
}

/** The bar takes what room the words leave. */
function barLine(left: string, part: number, right: string, columns: number): string {
  const fixed = left.length + Math.max(right.length, AMOUNT_WIDTH) + "[]  ".length + 1;
  const cells = Math.min(BAR_CELLS, columns - fixed);
  if (cells < LEAST_CELLS) return `${left} ${right}`.trimEnd();
  return `${left} [${bar(part, cells)}] ${right}`.trimEnd();
}

function bar(part: number, cells: number): string {
  const full = Math.min(cells, Math.max(0, Math.floor(part * cells)));
  return `${"=".repeat(full)}${full < cells && full > 0 ? ">" : ""}`.padEnd(cells).slice(0, cells);
}

function percent(part: number, whole: number): string {
  const value = whole === 0 ? 100 : Math.floor(part * 100 / whole);
  return `${Math.min(100, value)}%`.padStart(4);
}
