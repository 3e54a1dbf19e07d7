import type { Descriptor } from "../content/descriptor.ts";
import {
  BadDigestError,
  CopyError,
  type CopySide,
  DownloadError,
  PruneRefusedError,
  SizeMismatchError,
  SparseIndexRefusedError,
} from "../errors.ts";

/**
 * Does something with one store, and says in its error which store and which content it was.
 * What is no error of davit's, an abort's reason say, is thrown as it is while the signal is aborted.
 */
export async function onSide<T>(
  side: CopySide,
  what: Descriptor | string,
  signal: AbortSignal,
  task: () => Promise<T>,
): Promise<T> {
  try {
    return await task();
  } catch (error) {
    signal.throwIfAborted();
    throw copyError(side, what, error);
  }
}

/** What an error of a store is to the caller of a copy. */
export function copyError(side: CopySide, what: Descriptor | string, cause: unknown): unknown {
  if (isCopyError(cause)) return cause;
  const name = typeof what !== "string"
    ? what.digest
    : what === ""
    ? "the image"
    : JSON.stringify(what);
  const words = cause instanceof Error ? cause.message : String(cause);
  const verb = side === "source" ? "read" : "write";
  return new CopyError(`Cannot ${verb} ${name} in the ${side} of a copy: ${words}`, {
    side,
    cause,
    ...(typeof what !== "string" && { descriptor: what }),
  });
}

/** Which store an error of a write comes from: the bytes are the source's. */
export function sideOf(error: unknown): CopySide {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (
      each instanceof BadDigestError || each instanceof SizeMismatchError ||
      each instanceof DownloadError
    ) return "source";
  }
  return "target";
}

function isCopyError(error: unknown): boolean {
  return error instanceof CopyError || error instanceof SparseIndexRefusedError ||
    error instanceof PruneRefusedError;
}
