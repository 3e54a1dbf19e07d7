import { BadDigestError, SizeMismatchError } from "../errors.ts";
import type { Bytes } from "./bytes.ts";
import { type Digest, hashAlgorithm, toDigest } from "./digest.ts";
import { createHasher } from "./hasher.ts";
import { type Piece, type PieceReader, readerStream } from "./piece_reader.ts";

/** What the bytes must turn out to be. */
interface Expected {
  /** Their digest. */
  digest: Digest;
  /** How many there are, where that is known. */
  size?: number;
  /** What has them, for messages: a repository's name with its host. @default {none} */
  of?: string;
  /** The Content-Encoding that they came in, which may be why they are others. */
  encoding?: string;
}

/** Options of {@linkcode verifyingStream} and {@linkcode passingStream}. */
interface StreamOptions {
  /** Told the count of bytes so far after each piece, and once more at the end. */
  onBytes?: (bytes: number, done: boolean) => void;
  /** Ends the stream with the signal's reason. */
  signal?: AbortSignal;
  /** Called when there is nothing more to read, however that came. */
  onEnd?: () => void;
}

/**
 * A byte stream that hashes what passes, and ends in an error when the bytes are not those that
 * were asked for. It reads the source straight into the consumer's buffer: a `TransformStream` in
 * its place costs a quarter of the speed.
 *
 * @throws {InvalidDigestError} When the digest's algorithm cannot be computed.
 */
export async function verifyingStream(
  reader: PieceReader,
  expected: Expected,
  options: StreamOptions = {},
): Promise<ReadableStream<Bytes>> {
  return readerStream(tapped(reader, await verifier(expected), options));
}

/**
 * A byte stream of a reader's pieces as they are: for a part of a blob, which has no digest, and for
 * what is verified elsewhere. Its `pieceReader` has the reader's `native` body.
 */
export function passingStream(
  reader: PieceReader,
  options: StreamOptions = {},
): ReadableStream<Bytes> {
  return readerStream(tapped(reader, undefined, options));
}

/** Sees every piece of a body, and its end. */
export interface Tap {
  /** Sees a piece; what it throws ends the body. */
  take(piece: Bytes): void;
  /** Sees the end; what it rejects with takes the end's place. */
  finish(): Promise<void>;
}

/** A tap that throws when the bytes are not the expected ones. */
export async function verifier({ digest, size: expected, of, encoding }: Expected): Promise<Tap> {
  const algorithm = hashAlgorithm(digest);
  const hasher = await createHasher(algorithm);
  let size = 0;
  const what = of === undefined ? digest : `${digest} of ${of}`;
  const cameIn = encoding === undefined ? "" : ` with the Content-Encoding ${encoding}`;
  return {
    take(piece) {
      size += piece.byteLength;
      if (expected !== undefined && size > expected) {
        throw sizeMismatch(what, expected, size);
      }
      hasher.update(piece);
    },
    async finish() {
      if (expected !== undefined && size < expected) {
        throw sizeMismatch(what, expected, size);
      }
      const actual = toDigest(algorithm, await hasher.digest());
      if (actual === digest) return;
      throw new BadDigestError(
        `Cannot verify ${what}: the ${size} bytes that arrived${cameIn} have the digest ${actual}`,
        { expected: digest, actual },
      );
    },
  };
}

/** A reader whose pieces and end a tap has seen; the signal ends it at once. */
function tapped(
  reader: PieceReader,
  tap: Tap | undefined,
  { onBytes, signal, onEnd }: StreamOptions,
): PieceReader {
  let size = 0;
  let over = false;
  let failure: { error: unknown } | undefined;

  function end(): void {
    over = true;
    signal?.removeEventListener("abort", abort);
    onEnd?.();
  }

  /** What went wrong first is what every read is answered with. */
  function fail(error: unknown): void {
    if (over) return;
    failure = { error };
    end();
    void reader.cancel(error).catch(() => {}); // which ends a read that is going on
  }

  function abort(): void {
    fail(signal!.reason);
  }

  async function next(view: Bytes | undefined): Promise<Piece> {
    const piece = await reader.read(view);
    if (over) return { done: true };
    if (piece.done || piece.value === undefined) {
      await tap?.finish();
      if (over) return { done: true };
      onBytes?.(size, true);
      end();
    } else {
      tap?.take(piece.value);
      size += piece.value.byteLength;
      onBytes?.(size, false);
    }
    return piece;
  }

  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return {
    async read(view) {
      let piece: Piece = { done: true };
      if (!over) {
        try {
          piece = await next(view);
        } catch (error) {
          fail(error);
        }
      }
      if (failure !== undefined) throw failure.error;
      return piece;
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
    get native() {
      const native = tap === undefined && !over ? reader.native : undefined;
      return native && {
        size: native.size,
        signal,
        take() {
          end();
          return native.take();
        },
        moved: () => onBytes?.(native.size, true),
      };
    },
  };
}

function sizeMismatch(what: string, expected: number, actual: number): SizeMismatchError {
  const comparison = actual > expected ? "more" : "fewer";
  return new SizeMismatchError(
    `Cannot verify ${what}: ${comparison} bytes arrived than the ${expected} declared (${actual})`,
    { expected, actual },
  );
}
