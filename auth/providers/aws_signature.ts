import { type Bytes, encodeText } from "../../content/bytes.ts";
import { encodeHex } from "../../content/hex.ts";
import type { AwsCredentials } from "./aws_credentials.ts";

/** A request to one of Amazon's services, before it is signed. */
export interface AwsRequest {
  method: "GET" | "POST";
  /** Where to; its path has no character that needs an escape. */
  url: URL;
  /** The headers, by their names in lower case; all of them are signed. */
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** The service's name in signatures. */
  service: string;
  region: string;
  /** The time, in milliseconds; the service takes it for 5 minutes. */
  time: number;
}

interface AwsSignature {
  /** All headers, `authorization` among them; but for `host`, which `fetch` sends itself. */
  headers: Record<string, string>;
  /** The signature alone: it must not be shown. */
  signature: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/**
 * Signs a request with Signature Version 4.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
 */
export async function signAwsRequest(
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  { method, url, headers: given = {}, body = "", service, region, time }: AwsRequest,
): Promise<AwsSignature> {
  const date = new Date(time).toISOString().replace(/[:-]|\.\d+/g, ""); // 20150830T123600Z
  const headers: Record<string, string> = {
    ...given,
    "x-amz-date": date,
    ...(sessionToken !== undefined && { "x-amz-security-token": sessionToken }),
  };
  const signed = Object.entries({ ...headers, host: url.host }).sort(byName);
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    method,
    url.pathname,
    [...url.searchParams].map((pair) => pair.map(escaped) as [string, string]).sort(byName)
      .map((pair) => pair.join("=")).join("&"),
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, " ")}`),
    "",
    names,
    encodeHex(await sha256(body)),
  ].join("\n");
  const scope = [date.slice(0, 8), region, service, "aws4_request"];
  let key: Bytes = encodeText(`AWS4${secretAccessKey}`);
  for (const part of scope) key = await hmac(key, part);
  const text = [ALGORITHM, date, scope.join("/"), encodeHex(await sha256(canonical))].join("\n");
  const signature = encodeHex(await hmac(key, text));
  const credential = `${accessKeyId}/${scope.join("/")}`;
  headers.authorization =
    `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { headers, signature };
}

function byName([a, first]: [string, string], [b, second]: [string, string]): number {
  if (a === b) return first < second ? -1 : first > second ? 1 : 0;
  return a < b ? -1 : 1;
}

/** RFC 3986 leaves fewer characters as they are than `encodeURIComponent`. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function sha256(text: string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encodeText(text)));
}

async function hmac(key: Bytes, text: string): Promise<Bytes> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encodeText(text)));
}
