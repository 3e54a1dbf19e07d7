/** What `setTimeout` takes at most, nearly 25 days; a longer time would end at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;
