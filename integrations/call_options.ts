/** Options of a call. */
export interface CallOptions {
  /** Ends the call with its reason. */
  signal?: AbortSignal;
}

/** A call's options, ended by another signal too. */
export function endedBy(other: AbortSignal | undefined, { signal }: CallOptions): CallOptions {
  const signals = [other, signal].filter((each) => each !== undefined);
  if (signals.length === 0) return {};
  return { signal: signals.length === 1 ? signals[0]! : AbortSignal.any(signals) };
}
