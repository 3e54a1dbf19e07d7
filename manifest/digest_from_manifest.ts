import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { manifestObject } from "./manifest_object.ts";

/**
 * The sha256 digest of a manifest's text.
 *
 * @example
 * ```ts
 * import { digestFromManifestStr } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   await digestFromManifestStr('{"schemaVersion":2}'),
 *   "sha256:bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f",
 * );
 * ```
 *
 * @throws {InvalidManifestError} When the text is not a JSON object, or is a schema 1 manifest: the
 * digest of those leaves their signatures out, which is not supported.
 * @throws {ManifestVerificationError} When an object in it states one name twice.
 */
export async function digestFromManifestStr(text: string): Promise<string> {
  const bytes = encodeText(text);
  manifestObject(bytes);
  return await digestOf(bytes);
}
