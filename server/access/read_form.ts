import { bareMediaType } from "../../content/media_types.ts";
import { type PieceReader, readAll } from "../../content/piece_reader.ts";
import { afterBroken, StalledBody } from "../listen/watched_body.ts";
import { Refusal } from "../refusal.ts";

/** A login or a request for a token, in bytes: the longest refresh token known is 21 KB. */
const FORM_BYTES = 64 * 1024;

const FORM = "application/x-www-form-urlencoded";

/**
 * The form in a body, which is watched; `undefined` when it is none, is too long, or breaks off.
 *
 * @throws {Refusal} 408 when the client stops in the middle of it.
 */
export async function readForm(
  body: PieceReader,
  contentType: string | null,
): Promise<URLSearchParams | undefined> {
  if (contentType !== null && bareMediaType(contentType) !== FORM) return undefined;
  try {
    const bytes = await readAll(body, {
      name: "the form",
      bytes: FORM_BYTES,
      what: "the token request",
    });
    return new URLSearchParams(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    if (!(cause instanceof StalledBody)) return undefined;
    const message = `Cannot read the rest of the form: ${cause.message}`;
    throw new Refusal(408, "UNSUPPORTED", message, { cause, headers: afterBroken(cause) });
  }
}
