import { HttpError } from "../../errors.ts";
import { registryErrors } from "../../transport/registry_errors.ts";
import { ResError } from "./res_error.ts";

/** An entry of a registry's error answer. */
export interface ErrorEntry {
  /** The code: one of `Codes`, or another; empty where the registry gave none. */
  code: string;
  /** The registry's own words. */
  message: string;
  /** Whatever the registry added. */
  detail?: unknown;
}

/** What an endpoint answers, beside the response. `raw` is not enumerable: printing shows the answer. */
export type Unwrapped<T> = { readonly raw: Response } & T;

/** What can be made of an answer. */
export interface Unwrap<T> {
  /**
   * The answer. `onError` is called first when the status is not the endpoint's success.
   *
   * @throws {ResError} When the status is not the endpoint's success.
   */
  unwrap(onError?: (res: Response, errors: ErrorEntry[]) => void): Promise<Unwrapped<T>>;
  /** The answer, or what `onError` makes of the failure. */
  unwrapOr<U>(onError: (res: Response, errors: ErrorEntry[]) => U): Promise<Unwrapped<T> | U>;
}

/** A response, 4xx too, and what can be made of it. */
export interface Result<T> extends Unwrap<T> {
  /** The response. */
  readonly raw: Response;
}

/**
 * A request under way. Awaited, it is the response, a 4xx too; it rejects with {@linkcode ResError} from
 * 500 on, with davit's errors when nothing was answered (`NetworkError`, `AuthenticationError` and
 * others), and with a signal's reason. Nothing is left unhandled when only `unwrap` is awaited.
 */
export type Req<T> = Promise<Result<T>> & Unwrap<T>;

/** A response, and how to read it where it is the endpoint's success. */
interface Answer<T> {
  raw: Response;
  /** Reads it; called once. Not there where the status is not the endpoint's success. */
  read?: () => T | Promise<T>;
  /** The error in place of `read`. */
  error?: HttpError;
}

/** A request whose failure is an {@linkcode HttpError}, as davit's endpoints throw it. */
export function request<T extends object>(call: () => Promise<Answer<T>>): Req<T> {
  return requestOf(
    call().catch((error): Answer<T> => {
      if (!(error instanceof HttpError)) throw error;
      return { raw: error.resp, error };
    }),
  );
}

/**
 * Makes a request of a response: for extensions. Statuses below 400 are a success.
 *
 * @example
 * ```ts
 * import { ClientV2, type Extension, type Req, result } from "@davit/registry-client/oci-client";
 * import { assertEquals } from "@std/assert";
 *
 * const motd: Extension<{ motd(): Req<{ text: string }> }> = {
 *   methods: () => ({
 *     motd: () => result(fetch("data:,hello"), async (res) => ({ text: await res.text() })),
 *   }),
 * };
 * const client = new (ClientV2.with(motd))("ghcr.io");
 * assertEquals((await client.motd().unwrap()).text, "hello");
 * ```
 */
export function result<T extends object>(
  request: Promise<Response>,
  read: (res: Response) => Promise<T>,
): Req<T> {
  return requestOf(
    request.then((raw) => raw.status < 400 ? { raw, read: () => read(raw) } : { raw }),
  );
}

function requestOf<T extends object>(answering: Promise<Answer<T>>): Req<T> {
  const settled = answering.then((answer) => {
    const { raw, error } = answer;
    if (raw.status >= 500) throw failure(raw, error);
    return resultOf(answer);
  });
  settled.catch(() => {}); // whoever awaits `unwrap` alone is told there
  return Object.assign(settled, {
    unwrap: async (onError?: (res: Response, errors: ErrorEntry[]) => void) =>
      await (await settled).unwrap(onError),
    unwrapOr: async <U>(onError: (res: Response, errors: ErrorEntry[]) => U) =>
      await (await settled).unwrapOr(onError),
  });
}

function resultOf<T extends object>({ raw, read, error }: Answer<T>): Result<T> {
  let reading: Promise<Unwrapped<T>> | undefined;
  let erring: Promise<ErrorEntry[]> | undefined;
  /** Read once, however often it is asked for: a response's body cannot be read again. */
  const value = (read: () => T | Promise<T>) => reading ??= valueOf(raw, read);
  const errors = () => erring ??= errorEntries(raw);
  return {
    raw,
    async unwrap(onError) {
      if (read !== undefined) return await value(read);
      if (onError !== undefined) onError(raw, await errors());
      throw failure(raw, error);
    },
    async unwrapOr(onError) {
      return read === undefined ? onError(raw, await errors()) : await value(read);
    },
  };
}

async function valueOf<T extends object>(
  raw: Response,
  read: () => T | Promise<T>,
): Promise<Unwrapped<T>> {
  const value = await read();
  return Object.defineProperty(value, "raw", { value: raw, enumerable: false }) as Unwrapped<T>;
}

function failure(raw: Response, error: HttpError | undefined): ResError {
  return error === undefined
    ? new ResError(raw)
    : new ResError(raw, error.message, { cause: error });
}

/** The registry's errors; the response can still be read. */
async function errorEntries(raw: Response): Promise<ErrorEntry[]> {
  if (raw.bodyUsed) return [];
  const bytes = new Uint8Array(await raw.clone().arrayBuffer());
  return registryErrors(bytes).map(({ code = "", message, detail }) => ({
    code,
    message,
    ...(detail !== undefined && { detail }),
  }));
}
