import { type Bytes, encodeText } from "../../content/bytes.ts";
import { goJson } from "../../manifest/go_json.ts";
import { ChainloopError } from "./chainloop_error.ts";

/**
 * A DSSE envelope. Fields beyond these are dropped, and a missing `keyid` is `""`, as in Chainloop.
 *
 * @see https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md
 */
export interface Envelope {
  /** What the payload is: `application/vnd.in-toto+json`. */
  payloadType: string;
  /** The payload in base64. */
  payload: string;
  /** Who signed it. */
  signatures: readonly {
    /** The key, as its owner names it. */
    keyid?: string;
    /** The signature in base64. */
    sig: string;
  }[];
}

/**
 * An envelope's JSON as Go writes it: its digest becomes the repository's name.
 *
 * @throws {ChainloopError} When it is not an envelope.
 */
export function encodeEnvelope(envelope: Envelope): Bytes {
  const { payloadType, payload, signatures } = envelope ?? {};
  const signed = Array.isArray(signatures) ? signatures.map(ordered) : undefined;
  const texts = [payloadType, payload, ...signed?.flatMap(Object.values) ?? []];
  if (signed === undefined || texts.some((text) => typeof text !== "string")) {
    throw new ChainloopError(
      "invalid envelope: it must be {payloadType, payload, signatures: [{keyid?, sig}]}, of strings",
      { code: "INVALID_REQUEST" },
    );
  }
  return encodeText(goJson({ payloadType, payload, signatures: signed }));
}

function ordered(signature: Envelope["signatures"][number]): { keyid: string; sig: string } {
  const { keyid = "", sig } = signature ?? {};
  return { keyid, sig };
}
