/** Answers a request. */
export type Answer = (request: Request) => Promise<Response>;

/**
 * Something around a registry: sees every request before it, and every response after it. It may
 * change either, or answer by itself. The first one given sees a request first.
 */
export type Around = (next: Answer) => Answer;

/** Puts things around an answer. */
export function surround(around: readonly Around[], answer: Answer): Answer {
  return around.reduceRight((next, each) => each(next), answer);
}
