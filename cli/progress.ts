import type { CopyEvent } from "../mod.ts";
import { formatBytes } from "./format.ts";
import type { Output } from "./io.ts";
import { progressBars } from "./progress_bars.ts";
import { ProgressState } from "./progress_state.ts";

/** The time, and what happens every so often; tests give their own. */
export interface Ticker {
  /** The time in milliseconds. */
  now(): number;
  /** Calls a function every so many milliseconds, until the function that it answers is called. */
  every(milliseconds: number, run: () => void): () => void;
}

const TICKER: Ticker = {
  now: () => performance.now(),
  every(milliseconds, run) {
    const timer = setInterval(run, milliseconds);
    return () => clearInterval(timer);
  },
};

/** Often enough to look smooth, seldom enough to cost nothing. */
const DRAW_MS = 100;

/** How often a log hears of a copy that takes long: silence worries, and more fills it. */
const LOG_MS = 15_000;

/**
 * Shows how a copy goes: on a terminal bars that move, one for each blob and one for the whole; in a
 * log a line for each blob that is done, and one now and then for the whole.
 */
export class Progress {
  readonly #out: Output;
  readonly #ticker: Ticker;
  readonly #state = new ProgressState();
  readonly #moves: boolean;
  readonly #stop: () => void;
  /** The lines on the terminal that move. */
  #drawn: string[] = [];

  /** Shows it on an output; bars only where that is a terminal on which lines can move. */
  constructor(out: Output, ticker: Ticker = TICKER, moves = out.isTerminal) {
    this.#out = out;
    this.#ticker = ticker;
    this.#moves = moves;
    this.#stop = moves
      ? ticker.every(DRAW_MS, () => this.#write(this.#redrawn(this.#bars())))
      : ticker.every(LOG_MS, () => this.#write(`${this.#wholeInWords()}\n`));
  }

  /** To be given to `copy`. */
  readonly onEvent = (event: CopyEvent): void => {
    const line = this.#state.take(event, this.#ticker.now());
    if (line !== undefined) this.say(line);
  };

  /** Writes a line that stays, above the bars. */
  readonly say = (line: string): void => {
    const text = plainLine(line);
    this.#write(
      this.#moves
        ? this.#redrawn(this.#drawn.length === 0 ? [] : this.#bars(), `${text}\n`)
        : `${text}\n`,
    );
  };

  /** Takes the bars away. */
  end(): void {
    this.#stop();
    if (this.#drawn.length > 0) this.#write(this.#redrawn([]));
  }

  #bars(): string[] {
    return progressBars(this.#state, {
      columns: this.#out.columns(),
      rows: this.#out.rows(),
      now: this.#ticker.now(),
    });
  }

  #wholeInWords(): string {
    const { total, done } = this.#state;
    const more = total.final ? "" : "+";
    return `${done.descriptors} of ${total.descriptors}${more} done, ` +
      `${formatBytes(this.#state.there())} of ${formatBytes(total.bytes)}${more}`;
  }

  /**
   * What puts lines in the place of those that are drawn: one text, each line written over the old
   * one and then cleared to its end, so that nothing flickers.
   */
  #redrawn(lines: string[], above = ""): string {
    // A terminal that became narrower has broken the lines that were drawn into several.
    const columns = this.#out.columns();
    const up = this.#drawn.reduce((sum, { length }) => sum + Math.ceil((length || 1) / columns), 0);
    this.#drawn = lines;
    const text = (above + lines.map((line) => `${line}\n`).join("")).replaceAll("\n", "\x1b[K\n");
    return `${up > 0 ? `\x1b[${up}A` : ""}\r${text}\x1b[J`;
  }

  #write(text: string): void {
    void this.#out.write(text).catch(() => {}); // progress that nobody sees is no failure
  }
}

/** Columns stay, and what others wrote does not write to the terminal. */
function plainLine(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trimEnd();
}
