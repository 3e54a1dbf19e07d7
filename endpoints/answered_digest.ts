import { BadDigestError } from "../errors.ts";
import { type Digest, isDigest } from "../content/digest.ts";

/** The digest that an answer's headers name, where it is one. */
export function answeredDigest(headers: Headers): Digest | undefined {
  const answered = headers.get("docker-content-digest")?.trim();
  return isDigest(answered) ? answered : undefined;
}

/**
 * Checks the digest that an answer names, where it names one. Some registries answer a sha512 push
 * with a sha256 digest: only digests of one algorithm are compared.
 *
 * @throws {BadDigestError} When it is another one.
 */
export function checkAnsweredDigest(what: string, expected: Digest, headers: Headers): void {
  const actual = answeredDigest(headers);
  if (actual === undefined || actual === expected) return;
  if (actual.split(":", 1)[0] !== expected.split(":", 1)[0]) return;
  throw new BadDigestError(`Cannot ${what}: the registry answered ${actual}, not ${expected}`, {
    expected,
    actual,
  });
}

/**
 * Whether what answered may be a web page in the content's place: it names no digest, and calls itself
 * HTML, as frameworks call whatever has no other type.
 */
export function mayBePage(headers: Headers): boolean {
  return answeredDigest(headers) === undefined &&
    /html/i.test(headers.get("content-type") ?? "");
}
