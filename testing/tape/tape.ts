import { InvalidOptionError } from "../../errors.ts";

/** What a body held, each once for the whole tape. */
export type TapeContent =
  | {
    /** UTF-8 text. */
    text: string;
  }
  | {
    /** Any bytes. */
    base64: string;
  };

/** A body by what identifies it. */
export interface TapeBody {
  /** The digest of the bytes that were seen; of what stands in their place where they held secrets. */
  digest: string;
  /** How many bytes that are. */
  size: number;
  /** Whether it broke, or was not read to its end: these are the bytes up to there. */
  cut?: true;
}

/** A request as a tape has it. */
export interface TapeRequest {
  /** The headers by their lower-case names; those with secrets hold placeholders. */
  headers: Record<string, string>;
  /** The body, where there was one. */
  body?: TapeBody;
}

/** A response as a tape has it. */
export interface TapeResponse {
  /** The status. */
  status: number;
  /** The headers by their lower-case names; those with secrets hold placeholders. */
  headers: Record<string, string>;
  /** The body, where there was one. */
  body?: TapeBody;
}

/** One request and what came of it. */
export interface TapeExchange {
  /** The method. */
  method: string;
  /** The URL; values that may be secrets are placeholders, the same one for the same value. */
  url: string;
  /** When it was sent, in milliseconds after the first one. */
  at: number;
  /** How long the head of the response, or the failure, took, in milliseconds. */
  took: number;
  /** The request. */
  request: TapeRequest;
  /** The response; nothing came where it is missing. */
  response?: TapeResponse;
  /** The name of the error that came in place of a response. */
  failure?: string;
}

/**
 * What a client and a registry said to each other, without their secrets: JSON, as it is, that can
 * be kept in a file and sent to another person. Content of up to a limit is in it.
 */
export interface Tape {
  /** The version of this form. */
  version: 1;
  /** The exchanges in the order in which they were sent. */
  exchanges: TapeExchange[];
  /** Bodies by their digest; those over the recording's limit are missing. */
  bodies: Record<string, TapeContent>;
}

/**
 * Checks that a value is a tape, as far as a replay needs it.
 *
 * @throws {InvalidOptionError} When it is none, or of another version.
 */
export function checkTape(value: unknown): Tape {
  const tape = value as Partial<Tape> | null;
  if (typeof tape !== "object" || tape === null || tape.version !== 1) {
    throw new InvalidOptionError(
      "Cannot replay as 'tape' must be what a recording gave: its version must be 1: current " +
        `value is ${JSON.stringify((tape as Partial<Tape> | null)?.version)}`,
    );
  }
  const whole = Array.isArray(tape.exchanges) && typeof tape.bodies === "object" &&
    tape.bodies !== null &&
    tape.exchanges.every((exchange) =>
      typeof exchange?.method === "string" && URL.canParse(exchange.url) &&
      typeof exchange.request?.headers === "object" &&
      (exchange.response === undefined || Number.isInteger(exchange.response.status))
    );
  if (whole) return tape as Tape;
  throw new InvalidOptionError("Cannot replay as 'tape' is not whole: an exchange lacks a part");
}
